-- name: list_events
-- One page of the events, newest first; a cursor is the last row of the page before.
SELECT
    event_id, object_key, size_bytes, user_id, announced_by, state, fault, reason, attempts,
    received_at, finished_at
FROM storage_events
WHERE (:state::text IS NULL OR state = :state)
    AND (:fault::text IS NULL OR fault = :fault)
    AND (:user_id::uuid IS NULL OR user_id = :user_id)
    AND (:cursor_time::timestamptz IS NULL
        OR (received_at, event_id) < (:cursor_time::timestamptz, :cursor_id::uuid))
ORDER BY received_at DESC, event_id DESC
LIMIT :limit;

-- name: find_event^
-- An event with all that is known of it.
SELECT
    event_id, bucket, object_key, version_id, etag, sequencer, size_bytes, written_at,
    announced_by, user_id, state, fault, reason, unlikely, attempts, due_at, object_modified,
    prediction_id, received_at, finished_at
FROM storage_events
WHERE event_id = :event_id;

-- name: retry_event^
-- Let a dead event be worked on again, unless another one of its object is.
UPDATE storage_events
SET state = 'pending', fault = NULL, attempts = 0, due_at = now(), lease_token = NULL,
    finished_at = NULL
FROM (
    SELECT event_id, fault FROM storage_events
    WHERE event_id = :event_id AND state = 'dead'
    FOR UPDATE
) AS dead
WHERE storage_events.event_id = dead.event_id
    AND NOT EXISTS (
        SELECT 1 FROM storage_events AS other
        WHERE other.bucket = storage_events.bucket
            AND other.object_key = storage_events.object_key
            AND other.etag = storage_events.etag
            AND other.state IN ('pending', 'classified'))
RETURNING dead.fault;

-- name: retry_events
-- Let dead events be worked on again, the oldest first: one of each object, and none of an object
-- that another one is being worked on for.
WITH newest AS (
    SELECT DISTINCT ON (bucket, object_key, etag) event_id, received_at
    FROM storage_events AS dead
    WHERE state = 'dead'
        AND (:fault::text IS NULL OR fault = :fault)
        AND (:user_id::uuid IS NULL OR user_id = :user_id)
        AND NOT EXISTS (
            SELECT 1 FROM storage_events AS other
            WHERE other.bucket = dead.bucket
                AND other.object_key = dead.object_key
                AND other.etag = dead.etag
                AND other.state IN ('pending', 'classified'))
    ORDER BY bucket, object_key, etag, received_at DESC, event_id DESC
),
chosen AS (
    SELECT event_id FROM newest ORDER BY received_at, event_id LIMIT :limit
)
UPDATE storage_events
SET state = 'pending', fault = NULL, attempts = 0, due_at = now(), lease_token = NULL,
    finished_at = NULL
FROM chosen
WHERE storage_events.event_id = chosen.event_id AND state = 'dead'
RETURNING storage_events.event_id;

-- name: count_unannounced$
-- How many of these objects no event accounts for. A closed event accounts for the object that
-- was read for it, and not for one with the same bytes that was written later. What was erased
-- and is about to be removed counts no more.
SELECT count(*)
FROM unnest(:keys::text[], :etags::text[], :modified::timestamptz[]) AS object (key, tag, modified)
WHERE NOT EXISTS (
    SELECT 1 FROM storage_events
    WHERE bucket = :bucket AND object_key = key AND etag = tag
        AND (state IN ('pending', 'classified')
            OR object_modified IS NULL
            OR object_modified >= date_trunc('second', modified)))
    AND NOT EXISTS (
        SELECT 1 FROM objects_to_remove AS doomed
        WHERE doomed.object_key = key AND doomed.etag = tag);

-- name: count_events^
-- How many events there are of the bucket, and in which state.
SELECT
    count(*) AS events,
    count(*) FILTER (WHERE state IN ('classified', 'done')) AS classified,
    count(*) FILTER (WHERE state = 'superseded') AS superseded,
    count(*) FILTER (WHERE state = 'pending') AS pending,
    count(*) FILTER (WHERE state = 'dead') AS dead,
    count(*) FILTER (WHERE state = 'erased') AS erased
FROM storage_events
WHERE bucket = :bucket;

-- name: count_without_rows^
-- How many classified events lack the picture or its prediction; those of erased ones are erased.
SELECT
    count(*) FILTER (WHERE images.image_id IS NULL) AS classified_without_image,
    count(*) FILTER (WHERE images.image_id IS NOT NULL) AS classified_without_prediction
FROM storage_events
LEFT JOIN images ON images.image_id = event_id
LEFT JOIN predictions ON predictions.prediction_id = storage_events.prediction_id
    AND predictions.image_id = event_id
WHERE bucket = :bucket AND state IN ('classified', 'done')
    AND (images.image_id IS NULL OR predictions.prediction_id IS NULL);
