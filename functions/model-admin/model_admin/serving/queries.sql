-- name: find_ready_version^
-- What is needed to load a version that was proven and not deleted.
SELECT version, model_path, digest, twin_digest, manifest
FROM model_versions
WHERE version = :version AND state = 'ready';
