-- name: rollout
-- The versions that answer or watch.
SELECT version, model_path, digest, twin_digest, manifest, is_active, canary_percent, shadow
FROM model_versions
WHERE is_active OR canary_percent > 0 OR shadow;

-- name: report_replica!
-- What one predict process serves at the moment.
INSERT INTO model_replicas (replica_id, host, serving, problem)
VALUES (:replica_id, :host, :serving, :problem)
ON CONFLICT (replica_id) DO UPDATE
SET serving = excluded.serving, problem = excluded.problem, seen_at = now();
