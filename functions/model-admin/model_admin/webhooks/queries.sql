-- name: insert_webhook^
-- Tell one more of events from now on, unless there are as many as may be.
INSERT INTO webhooks (url, secret, event_types, created_by)
SELECT :url, :secret, :event_types, :created_by
WHERE (SELECT count(*) FROM webhooks) < :most
RETURNING webhook_id;

-- name: list_webhooks
-- One webhook or all, newest first, with what waits for them and what is wrong with them.
SELECT
    webhooks.webhook_id, url, event_types, created_by, created_at, waiting.pending, waiting.dead,
    coalesce(failing.failures, 0) AS failures,
    coalesce(failing.reason, (
        SELECT reason
        FROM outbox
        WHERE receiver_id = webhooks.webhook_id AND reason IS NOT NULL
        ORDER BY created_at DESC
        LIMIT 1)) AS problem,
    failing.paused_until
FROM webhooks
LEFT JOIN failing_receivers AS failing ON failing.receiver_id = webhooks.webhook_id
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE state = 'pending') AS pending,
        count(*) FILTER (WHERE state = 'dead') AS dead
    FROM outbox
    WHERE receiver_id = webhooks.webhook_id
) AS waiting
WHERE :webhook_id::uuid IS NULL OR webhooks.webhook_id = :webhook_id
ORDER BY created_at DESC, webhook_id;

-- name: delete_webhook^
-- Tell a webhook nothing more, neither what it waits for.
DELETE FROM webhooks WHERE webhook_id = :webhook_id RETURNING url, event_types;

-- name: hold_webhook^
-- Make sure that a webhook is not removed before this is committed.
SELECT webhook_id FROM webhooks WHERE webhook_id = :webhook_id FOR KEY SHARE;

-- name: count_deliveries$
-- How many deliveries to a receiver are in a state, or in any.
SELECT count(*) FROM outbox
WHERE receiver_id = :receiver_id AND (:state::text IS NULL OR state = :state);

-- name: list_deliveries
-- Deliveries to a receiver in a state, or in any, newest first.
SELECT
    delivery_id, event_id, event_type, subject, state, attempts, reason, created_at,
    CASE WHEN state = 'pending' THEN due_at END AS next_attempt_at,
    CASE WHEN state = 'dead' THEN due_at END AS given_up_at
FROM outbox
WHERE receiver_id = :receiver_id AND (:state::text IS NULL OR state = :state)
ORDER BY created_at DESC, delivery_id DESC
LIMIT :limit OFFSET :offset;

-- name: find_delivery^
-- One delivery to a receiver.
SELECT
    delivery_id, event_id, event_type, subject, state, attempts, reason, created_at,
    CASE WHEN state = 'pending' THEN due_at END AS next_attempt_at,
    CASE WHEN state = 'dead' THEN due_at END AS given_up_at
FROM outbox
WHERE receiver_id = :receiver_id AND delivery_id = :delivery_id;

-- name: retry_delivery!
-- Let a delivery be attempted now and as often as a new one, unless it is this very moment.
UPDATE outbox
SET state = 'pending', attempts = 0, due_at = now(), lease_token = NULL
WHERE receiver_id = :receiver_id AND delivery_id = :delivery_id
    AND (lease_token IS NULL OR due_at <= now());

-- name: retry_dead!
-- Let what was given up longest ago be attempted now and as often as what is new.
UPDATE outbox
SET state = 'pending', attempts = 0, due_at = now()
WHERE delivery_id IN (
    SELECT delivery_id
    FROM outbox
    WHERE receiver_id = :receiver_id AND state = 'dead'
    ORDER BY created_at, delivery_id
    LIMIT :most
    FOR UPDATE SKIP LOCKED
);

-- name: end_pause!
-- Try a receiver that fails now, not only when its pause is over.
UPDATE failing_receivers SET paused_until = now()
WHERE receiver_id = :receiver_id AND paused_until > now();
