-- name: commit_lazily!
-- Do not wait for the disk: a claim that is lost is made again.
SET LOCAL synchronous_commit = off;

-- name: claim_key$
-- Take a key that is new or has expired, or whose request died; answers the claim's token.
INSERT INTO idempotency_keys AS known (
    user_id, key_digest, request_digest, lease_token, lease_until)
VALUES (
    :user_id, :key_digest, :request_digest, gen_random_uuid(),
    now() + make_interval(secs => :lease_seconds))
ON CONFLICT (user_id, key_digest) DO UPDATE
SET request_digest = excluded.request_digest, created_at = now(), prediction_id = NULL,
    lease_token = excluded.lease_token, lease_until = excluded.lease_until
WHERE known.created_at <= now() - interval '1 day'
    OR (known.prediction_id IS NULL AND known.lease_until <= now()
        AND known.request_digest = excluded.request_digest)
RETURNING lease_token;

-- name: find_key^
-- What became of a key's request, with its answer.
SELECT
    request_digest, keys.prediction_id IS NOT NULL AS is_answered, lease_until <= now() AS is_dead,
    predictions.prediction_id, image_id, model_version, prediction_time_ms, top_k
FROM idempotency_keys AS keys
LEFT JOIN predictions USING (prediction_id)
WHERE keys.user_id = :user_id AND key_digest = :key_digest
    AND keys.created_at > now() - interval '1 day';

-- name: settle_key$
-- Wait for the transaction that answers a claim, if one is under way.
SELECT prediction_id FROM idempotency_keys
WHERE user_id = :user_id AND key_digest = :key_digest AND lease_token = :lease_token
FOR UPDATE;

-- name: release_key!
-- Forget a claim that came to no answer.
DELETE FROM idempotency_keys
WHERE user_id = :user_id AND key_digest = :key_digest AND lease_token = :lease_token
    AND prediction_id IS NULL;

-- name: forget_expired!
-- Forget the oldest of the keys that have expired.
DELETE FROM idempotency_keys
WHERE (user_id, key_digest) IN (
    SELECT user_id, key_digest
    FROM idempotency_keys
    WHERE created_at <= now() - interval '1 day'
    ORDER BY created_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
);
