-- name: announce_events
-- Take in events; those known, those of objects being dealt with, and those of objects that are
-- to be removed, are passed over.
INSERT INTO storage_events (
    bucket, object_key, version_id, etag, sequencer, size_bytes, written_at, user_id, unlikely,
    announced_by)
SELECT told.*, 'notification'
FROM unnest(
    :buckets::text[], :keys::text[], :version_ids::text[], :etags::text[], :sequencers::text[],
    :sizes::bigint[], :times::timestamptz[], :owners::uuid[], :unlikely::boolean[])
    AS told (bucket, key, version_id, etag, sequencer, size, written_at, owner, unlikely)
WHERE NOT EXISTS (
    SELECT 1 FROM objects_to_remove AS doomed
    WHERE doomed.object_key = told.key AND doomed.etag = told.etag)
ON CONFLICT DO NOTHING
RETURNING event_id;

-- name: adopt_objects
-- Take in objects that no event accounts for. One that was given up is accounted for, unless it
-- was written again since, or was not there then; one that was classified and left, likewise. One
-- that is to be removed is nobody's any more.
INSERT INTO storage_events (
    bucket, object_key, version_id, etag, sequencer, size_bytes, written_at, user_id, unlikely,
    announced_by)
SELECT found.*, 'sweep'
FROM unnest(
    :buckets::text[], :keys::text[], :version_ids::text[], :etags::text[], :sequencers::text[],
    :sizes::bigint[], :times::timestamptz[], :owners::uuid[], :unlikely::boolean[])
    AS found (bucket, key, version_id, etag, sequencer, size, written_at, owner, unlikely)
WHERE NOT EXISTS (
    SELECT 1
    FROM storage_events AS known
    WHERE known.bucket = found.bucket AND known.object_key = found.key
        AND found.etag IN (known.etag, known.object_etag)
        AND ((known.state = 'dead' AND known.fault <> 'gone'
                AND coalesce(known.object_modified, known.written_at)
                    >= found.written_at - interval '5 seconds')
            OR (known.state = 'done' AND known.removed_at IS NULL
                AND known.object_modified >= date_trunc('second', found.written_at)))
)
AND NOT EXISTS (
    SELECT 1 FROM objects_to_remove AS doomed
    WHERE doomed.object_key = found.key AND doomed.etag = found.etag)
ON CONFLICT DO NOTHING
RETURNING event_id;

-- name: claim_event^
-- Take a due event, the newest or the one that has waited longest, and whether its user exists.
-- It is erased if it is of an object that is to be removed, or of a user who was erased and has
-- not come back. Of one who has come back, what was written before is, and what was put with a
-- form that was given out before. Nobody waits for the disk: a claim that is lost is made again.
SET LOCAL synchronous_commit = off;
WITH oldest AS (
    SELECT event_id
    FROM storage_events
    WHERE NOT :newest_first AND state IN ('pending', 'classified') AND due_at <= now()
        AND bucket = :bucket
    ORDER BY unlikely, received_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
),
newest AS (
    SELECT event_id
    FROM storage_events
    WHERE :newest_first AND state IN ('pending', 'classified') AND due_at <= now()
        AND bucket = :bucket
    ORDER BY unlikely, received_at DESC
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE storage_events AS event
SET lease_token = gen_random_uuid(), due_at = now() + make_interval(secs => :lease_seconds),
    attempts = attempts + 1
FROM (SELECT event_id FROM oldest UNION ALL SELECT event_id FROM newest) AS due
WHERE event.event_id = due.event_id
RETURNING
    event.event_id, lease_token, object_key, version_id, coalesce(object_etag, etag) AS etag,
    size_bytes, object_modified, user_id,
    EXISTS (SELECT 1 FROM users WHERE users.user_id = event.user_id) AS owner_known,
    state = 'classified' AS is_classified, attempts, received_at,
    state = 'pending' AND (
        EXISTS (
            SELECT 1 FROM objects_to_remove AS doomed
            WHERE doomed.object_key = event.object_key AND doomed.etag = event.etag)
        OR EXISTS (
            SELECT 1
            FROM erasures,
                (SELECT coalesce(event.written_at, event.received_at) AS at) AS written
            WHERE kind = 'user' AND subject_id = event.user_id
                AND (NOT EXISTS (SELECT 1 FROM users WHERE users.user_id = event.user_id)
                    OR written.at <= requested_at + interval '5 seconds'
                    OR (written.at <= requested_at + interval '10 minutes'
                        AND event.object_key
                            ~ '^uploads/[^/]+/[0-9a-f]{8}(-[0-9a-f]{4}){4}[0-9a-f]{8}/'
                        AND NOT EXISTS (
                            SELECT 1 FROM uploads WHERE uploads.object_key = event.object_key)))
        )) AS is_erased;

-- name: note_removal!
-- The upload of a classified picture is gone. Nobody waits for the disk: it is looked for again
-- if that is lost.
SET LOCAL synchronous_commit = off;
UPDATE storage_events
SET state = 'done', removed_at = now(), lease_token = NULL
WHERE event_id = :event_id AND lease_token = :lease_token AND state = 'classified';

-- name: retry_event!
-- Let an event be claimed again after a while.
UPDATE storage_events
SET reason = CASE WHEN state = 'pending' THEN :reason END,
    due_at = now() + make_interval(secs => :delay_seconds), lease_token = NULL,
    attempts = CASE WHEN :excused THEN attempts - 1 ELSE attempts END
WHERE event_id = :event_id AND lease_token = :lease_token
    AND state IN ('pending', 'classified');

-- name: supersede_event!
-- Another event accounts for the object.
UPDATE storage_events
SET state = 'superseded', reason = :reason, finished_at = now(), lease_token = NULL
WHERE event_id = :event_id AND lease_token = :lease_token AND state = 'pending';

-- name: blank_event!
-- Nothing is left of an event whose user was erased.
UPDATE storage_events
SET state = 'erased', reason = NULL, user_id = NULL, object_key = 'erased/' || event_id,
    version_id = '', etag = '', sequencer = '', size_bytes = NULL, written_at = NULL,
    finished_at = now(), lease_token = NULL
WHERE event_id = :event_id AND lease_token = :lease_token AND state = 'pending';

-- name: bury_event
-- Give an event up, and have it told.
WITH dead AS (
    UPDATE storage_events
    SET state = 'dead', fault = :fault, reason = :reason, finished_at = now(),
        object_modified = :modified, lease_token = NULL
    WHERE event_id = :event_id AND lease_token = :lease_token AND state = 'pending'
    RETURNING event_id, bucket, object_key, user_id, fault, reason
)
SELECT publish_event('imgclass.upload.failed', event_id::text, to_jsonb(dead), :has_sink)
FROM dead;

-- name: is_accounted_for$
-- Whether what was written was classified with another event: the same bytes not long ago, or
-- something that was written later.
SELECT EXISTS (
    SELECT 1
    FROM storage_events AS mine
    JOIN storage_events AS other USING (bucket, object_key)
    WHERE mine.event_id = :event_id AND other.event_id <> mine.event_id
        AND other.state IN ('classified', 'done')
        AND ((other.object_etag = :etag AND other.finished_at > now() - interval '1 day')
            OR mine.written_at IS NULL
            OR other.object_modified >= mine.written_at - interval '5 seconds')
);

-- name: forget_ended!
-- Forget events that ended long ago, and with those that were classified the forms their uploads
-- came with. What still accounts for an object in the bucket is kept, and what was erased; and an
-- event for as long as another one of the same key may have to be compared with it.
WITH ended AS (
    SELECT event_id, object_key, state
    FROM storage_events AS mine
    WHERE finished_at < now() - make_interval(days => :days)
        AND (state = 'superseded' OR (state = 'done' AND removed_at IS NOT NULL)
            OR (state = 'dead' AND fault = 'gone'))
        AND NOT EXISTS (
            SELECT 1
            FROM storage_events AS other
            WHERE other.bucket = mine.bucket AND other.object_key = mine.object_key
                AND coalesce(other.finished_at, 'infinity')
                    >= now() - make_interval(days => :days))
    ORDER BY finished_at
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
),
forms AS (
    DELETE FROM uploads USING ended
    WHERE uploads.object_key = ended.object_key AND ended.state <> 'superseded'
)
DELETE FROM storage_events USING ended WHERE storage_events.event_id = ended.event_id;

-- name: count_backlog^
-- How many events wait, and how many were given up.
SELECT
    count(*) FILTER (WHERE state = 'pending') AS pending,
    count(*) FILTER (WHERE state = 'dead') AS dead
FROM storage_events
WHERE state IN ('pending', 'dead') AND bucket = :bucket;

-- name: keys_without_row
-- Those of the given object keys that no image has, nor will have by an upload in progress, whose
-- event names its picture, and that are not going to be removed anyway.
SELECT key
FROM unnest(:keys::text[]) AS key
WHERE NOT EXISTS (SELECT 1 FROM images WHERE object_key = key)
    AND NOT EXISTS (
        SELECT 1
        FROM storage_events
        WHERE state = 'pending' AND event_id = substring(
            key FROM '([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\.[a-z]+$'
        )::uuid
    )
    AND NOT EXISTS (SELECT 1 FROM objects_to_remove WHERE object_key = key);

-- name: erased_keys
-- Those of the given object keys whose picture, or its user, was erased. The picture of an event
-- has the event's id.
SELECT key
FROM unnest(:keys::text[]) AS key
CROSS JOIN LATERAL (SELECT substring(
    key FROM '([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\.[a-z]+$'
)::uuid AS id) AS image
WHERE EXISTS (SELECT 1 FROM storage_events WHERE event_id = image.id AND state = 'erased')
    OR EXISTS (SELECT 1 FROM erasures WHERE kind = 'image' AND subject_id = image.id);

-- name: keys_between
-- The keys of settled pictures in a stretch of a listing.
SELECT object_key
FROM images
WHERE object_key COLLATE "C" > :after AND object_key COLLATE "C" <= :until
    AND created_at < :before
ORDER BY object_key COLLATE "C";

-- name: note_missing!
-- Note since when a picture's object is missing.
UPDATE images
SET missing_since = now()
WHERE object_key = :key AND missing_since IS NULL;

-- name: note_present!
-- Note that the objects of pictures are there.
UPDATE images
SET missing_since = NULL
WHERE object_key = ANY (:keys::text[]) AND missing_since IS NOT NULL;

-- name: try_lock$
-- Whether nobody else is sweeping; the session holds the lock until it ends.
SELECT pg_try_advisory_lock(hashtextextended('imgclass sweep', 0));
