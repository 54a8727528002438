-- name: insert_version!
-- Register a version; nothing happens if it exists already.
INSERT INTO model_versions (
    version, model_path, name, digest, size_bytes, manifest, labels, registered_by)
VALUES (
    :version, :model_path, :name, :digest, :size_bytes, :manifest, :labels, :registered_by)
ON CONFLICT (version) DO NOTHING;

-- name: find_version^
-- All that is known of a version.
SELECT
    version, name, state, is_active, canary_percent, shadow, digest, twin_digest, size_bytes,
    manifest, report, registered_by, created_at, validated_at, activated_at
FROM model_versions
WHERE version = :version;

-- name: list_versions
-- Every version, newest first, without its manifest and report.
SELECT
    version, name, state, is_active, canary_percent, shadow, digest, twin_digest, size_bytes,
    registered_by, created_at, validated_at, activated_at
FROM model_versions
ORDER BY created_at DESC, version;
