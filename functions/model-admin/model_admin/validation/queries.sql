-- name: claim_version^
-- Take the oldest version that waits for its validation, or whose validation was abandoned.
UPDATE model_versions
SET lease_until = now() + make_interval(secs => :lease_seconds), attempts = attempts + 1
WHERE version = (
    SELECT version
    FROM model_versions
    WHERE state = 'validating' AND (lease_until IS NULL OR lease_until < now())
    ORDER BY created_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING version, model_path, digest, attempts;

-- name: renew_version!
-- Go on holding a claimed version.
UPDATE model_versions
SET lease_until = now() + make_interval(secs => :lease_seconds)
WHERE version = :version AND state = 'validating' AND attempts = :attempts;

-- name: release_version!
-- Give a claimed version back, to be taken up again after a while.
UPDATE model_versions
SET lease_until = now() + make_interval(secs => :delay_seconds),
    attempts = CASE WHEN :counts THEN attempts ELSE attempts - 1 END
WHERE version = :version AND state = 'validating' AND attempts = :attempts;

-- name: conclude_version!
-- Record what came out, unless another replica has taken the version over meanwhile.
UPDATE model_versions
SET state = :state, report = :report, twin_digest = :twin_digest, validated_at = now(),
    lease_until = NULL
WHERE version = :version AND state = 'validating' AND attempts = :attempts;

-- name: sample_images
-- Images from a random place on in the order of their identifiers, and on from the first one
-- after the last; reads no more of the index than it returns, however many images there are.
(
    SELECT object_key, size_bytes
    FROM images
    WHERE image_id >= :start
    ORDER BY image_id
    LIMIT :count
)
UNION ALL
(
    SELECT object_key, size_bytes
    FROM images
    WHERE image_id < :start
    ORDER BY image_id
    LIMIT :count
)
LIMIT :count;
