-- name: due_receivers
-- Who is to be told something now, whoever waits longest first; `waiting` counts up to a limit.
SELECT
    receiver.receiver_id, receiver.url, receiver.secret, due.waiting,
    coalesce(failing.failures, 0) AS failures
FROM (
    SELECT webhook_id AS receiver_id, url, secret FROM webhooks
    UNION ALL
    SELECT '00000000-0000-0000-0000-000000000000', :sink::text, NULL WHERE :sink::text <> ''
) AS receiver
LEFT JOIN failing_receivers AS failing USING (receiver_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS waiting, min(due_at) AS since
    FROM (
        SELECT due_at
        FROM outbox
        WHERE receiver_id = receiver.receiver_id AND state = 'pending' AND due_at <= now()
        ORDER BY due_at
        LIMIT :count_to
    ) AS first_due
) AS due
WHERE due.waiting > 0 AND (failing.paused_until IS NULL OR failing.paused_until <= now())
ORDER BY due.since;

-- name: claim_deliveries
-- Take what has waited longest for a receiver that is not left alone and is nobody's.
WITH due AS (
    SELECT delivery_id
    FROM outbox
    WHERE receiver_id = :receiver_id AND state = 'pending' AND due_at <= now()
        AND NOT EXISTS (
            SELECT 1 FROM failing_receivers
            WHERE receiver_id = :receiver_id AND paused_until > now())
    ORDER BY due_at
    LIMIT :size
    FOR UPDATE SKIP LOCKED
),
claimed AS (
    UPDATE outbox
    SET lease_token = gen_random_uuid(),
        due_at = now() + make_interval(secs => :lease_seconds)
    FROM due
    WHERE outbox.delivery_id = due.delivery_id
    RETURNING
        outbox.delivery_id, lease_token, event_id, event_type, subject, data, created_at, attempts
)
SELECT * FROM claimed ORDER BY created_at, delivery_id;

-- name: remove_delivery!
-- What was delivered is done with, whoever may have claimed it meanwhile.
DELETE FROM outbox WHERE delivery_id = :delivery_id;

-- name: note_failure$
-- Give a delivery back after an attempt that failed, or give it up after the last one.
UPDATE outbox
SET attempts = attempts + 1, reason = :reason, lease_token = NULL,
    state = CASE WHEN attempts + 1 < :max_attempts THEN 'pending' ELSE 'dead' END,
    due_at = now() + make_interval(
        secs => CASE WHEN attempts + 1 < :max_attempts THEN :retry_seconds ELSE 0 END)
WHERE delivery_id = :delivery_id AND lease_token = :lease_token
RETURNING state;

-- name: release_deliveries!
-- Let anyone claim what was claimed and not attempted. One that is locked keeps its lease:
-- waiting here for whoever removes the webhook could make the two wait for each other.
UPDATE outbox
SET lease_token = NULL, due_at = now()
FROM (
    SELECT delivery_id
    FROM outbox
    WHERE delivery_id = ANY (:deliveries::uuid[]) AND lease_token = ANY (:tokens::uuid[])
    FOR UPDATE SKIP LOCKED
) AS held
WHERE outbox.delivery_id = held.delivery_id;

-- name: pause_receiver!
-- Leave a receiver alone for a while, unless it is left alone already.
INSERT INTO failing_receivers AS failing (webhook_id, reason, paused_until)
VALUES (
    nullif(:receiver_id, '00000000-0000-0000-0000-000000000000'), :reason,
    now() + make_interval(secs => :seconds))
ON CONFLICT (receiver_id) DO UPDATE
SET failures = failing.failures + 1, failed_at = now(), reason = excluded.reason,
    paused_until = excluded.paused_until
WHERE failing.paused_until <= now();

-- name: forget_failures!
-- A receiver answers again.
DELETE FROM failing_receivers WHERE receiver_id = :receiver_id;

-- name: count_deliveries
-- How many deliveries wait or were given up, and for how long the oldest have been there.
SELECT
    receiver_id = '00000000-0000-0000-0000-000000000000' AS to_sink, state,
    count(*) AS deliveries, extract(epoch FROM now() - min(created_at))::float8 AS oldest_seconds
FROM outbox
GROUP BY to_sink, state;

-- name: give_up_old$
-- Give up what nobody has taken for so long; answers how many.
WITH old AS (
    SELECT delivery_id
    FROM outbox
    WHERE state = 'pending' AND created_at < now() - make_interval(days => :days)
        AND (lease_token IS NULL OR due_at <= now())
    LIMIT :most
    FOR UPDATE SKIP LOCKED
),
given_up AS (
    UPDATE outbox
    SET state = 'dead', lease_token = NULL, due_at = now(),
        reason = coalesce(reason, 'Its turn never came.')
    FROM old
    WHERE outbox.delivery_id = old.delivery_id
    RETURNING 1
)
SELECT count(*) FROM given_up;

-- name: remove_dead!
-- Forget what was given up long ago.
DELETE FROM outbox
WHERE delivery_id IN (
    SELECT delivery_id
    FROM outbox
    WHERE state = 'dead' AND due_at < now() - make_interval(days => :days)
    LIMIT :most
    FOR UPDATE SKIP LOCKED
);
