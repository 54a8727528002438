-- name: lock_rollout$
-- Let one transaction at a time change which versions answer; (1, 0) names this lock.
SELECT pg_advisory_xact_lock(1, 0)::text;

-- name: deactivate_active^
-- End the reign of the active version; answers its name, if there was one.
UPDATE model_versions SET is_active = false
WHERE is_active AND (:except_version::text IS NULL OR version <> :except_version)
RETURNING version;

-- name: activate_version^
-- Make a proven version, which answers its golden pictures right, the active one.
UPDATE model_versions
SET is_active = true, activated_at = now(), canary_percent = 0, shadow = false
WHERE version = :version AND state = 'ready'
    AND coalesce((report #>> '{golden,passed}')::boolean, true)
RETURNING version;

-- name: deactivate_version^
-- Take a version out of every role.
UPDATE model_versions SET is_active = false, canary_percent = 0, shadow = false
WHERE version = :version AND (is_active OR canary_percent > 0 OR shadow)
RETURNING version;

-- name: last_good_version^
-- The version that was active before the active one and was not itself rolled back.
SELECT version
FROM model_versions
WHERE state = 'ready' AND NOT is_active AND activated_at IS NOT NULL
ORDER BY activated_at DESC
LIMIT 1;

-- name: forget_activation!
-- A version that was rolled back is nobody's last good one any more.
UPDATE model_versions SET activated_at = NULL WHERE version = :version;

-- name: clear_canary!
-- End the canary of any other version.
UPDATE model_versions SET canary_percent = 0 WHERE canary_percent > 0 AND version <> :version;

-- name: clear_shadow!
-- End the shadowing of any other version.
UPDATE model_versions SET shadow = false WHERE shadow AND version <> :version;

-- name: set_traffic^
-- Give a proven version a share of the users, and let it watch the others or not.
UPDATE model_versions SET canary_percent = :canary_percent, shadow = :shadow
WHERE version = :version AND state = 'ready' AND NOT is_active
    AND (:canary_percent = 0 OR coalesce((report #>> '{golden,passed}')::boolean, true))
RETURNING version;

-- name: retire_version^
-- Mark a version that answers nobody as deleted; its row stays, for the predictions that name it.
UPDATE model_versions SET state = 'deleted'
WHERE version = :version AND state IN ('ready', 'rejected')
    AND NOT (is_active OR shadow OR canary_percent > 0)
RETURNING version, model_path;

-- name: announce$
-- Tell every listening predict process that the rollout changed.
SELECT pg_notify('imgclass_rollout', :version)::text;

-- name: list_replicas
-- The predict processes heard of lately and what they serve.
SELECT replica_id, host, serving, problem, seen_at
FROM model_replicas
WHERE seen_at > now() - make_interval(secs => :max_age_seconds)
ORDER BY host, replica_id;
