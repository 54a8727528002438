-- name: begin_erasure^
-- Write down that something is to be erased; whoever begins also removes its objects.
INSERT INTO erasures (kind, subject_id, owner_id, due_at, lease_token, attempts)
VALUES (
    :kind, :subject_id, :owner_id, now() + make_interval(secs => :lease_seconds),
    gen_random_uuid(), 1)
RETURNING erasure_id, kind, subject_id, requested_at, lease_token, attempts;

-- name: find_erasure^
-- The last erasure of a picture or a user; an owner of null finds anybody's.
SELECT erasure_id, finished_at
FROM erasures
WHERE kind = :kind AND subject_id = :subject_id
    AND (:owner::uuid IS NULL OR owner_id = :owner)
ORDER BY requested_at DESC
LIMIT 1;

-- name: hold_image^
-- A picture, to which nothing is added until this is committed; an owner of null finds anybody's.
SELECT user_id
FROM images
WHERE image_id = :image_id AND (:owner::uuid IS NULL OR user_id = :owner)
FOR UPDATE;

-- name: queue_objects_of_image!
-- The picture's object is to be removed, and its upload if that was left where it was.
INSERT INTO objects_to_remove (erasure_id, object_key, etag)
SELECT :erasure_id, object_key, '' FROM images WHERE image_id = :image_id
UNION
SELECT :erasure_id, object_key, coalesce(object_etag, etag)
FROM storage_events WHERE event_id = :image_id AND coalesce(object_etag, etag) <> '';

-- name: delete_upload_of_image!
-- The form with which the picture was put into the bucket.
DELETE FROM uploads
USING storage_events AS event
WHERE event.event_id = :image_id AND uploads.object_key = event.object_key;

-- name: blank_events_of_image!
-- The picture's event, and second attempts: those of the same bytes under the same key that
-- have no picture of their own.
UPDATE storage_events AS event
SET state = 'erased', fault = NULL, reason = NULL, user_id = NULL,
    object_key = 'erased/' || event.event_id, version_id = '', etag = '', sequencer = '',
    object_etag = NULL, size_bytes = NULL, written_at = NULL, object_modified = NULL,
    prediction_id = NULL, lease_token = NULL, finished_at = coalesce(event.finished_at, now())
FROM storage_events AS its
WHERE its.event_id = :image_id
    AND event.bucket = its.bucket AND event.object_key = its.object_key
    AND (event.event_id = its.event_id
        OR (event.state IN ('pending', 'superseded', 'dead') AND event.etag <> ''
            AND event.etag IN (its.etag, its.object_etag)));

-- name: blank_keys_of_image!
-- Who sends a request again hears that its picture was erased; what was sent is forgotten.
UPDATE idempotency_keys
SET request_digest = NULL, prediction_id = '00000000-0000-0000-0000-000000000000'
WHERE prediction_id IN (SELECT prediction_id FROM predictions WHERE image_id = :image_id);

-- name: delete_told_of_image!
-- What was not told yet to others.
DELETE FROM outbox
WHERE data ->> 'image_id' = :image_id::text OR data ->> 'event_id' = :image_id::text;

-- name: delete_failures_of_image!
-- Why it could not be classified again.
DELETE FROM backfill_failures WHERE image_id = :image_id;

-- name: delete_predictions_of_image!
-- Its predictions, and with them those of the shadow models.
DELETE FROM predictions WHERE image_id = :image_id;

-- name: delete_image!
-- The picture's row.
DELETE FROM images WHERE image_id = :image_id;

-- name: hold_events_of_user
-- The open events of a user; whoever records a prediction holds an event before its user.
SELECT event_id FROM storage_events
WHERE user_id = :user_id AND state IN ('pending', 'classified')
FOR UPDATE;

-- name: delete_keys_of_user!
-- Which requests the user has sent.
DELETE FROM idempotency_keys WHERE user_id = :user_id;

-- name: ensure_user!
-- A row to hold, also of a user who is just being stored for the first time.
INSERT INTO users (user_id, email) VALUES (:user_id, :placeholder_email) ON CONFLICT DO NOTHING;

-- name: hold_user$
-- Let nothing be stored for a user until this is committed.
SELECT user_id FROM users WHERE user_id = :user_id FOR UPDATE;

-- name: has_events$
-- Whether any event tells of a user.
SELECT EXISTS (SELECT 1 FROM storage_events WHERE user_id = :user_id);

-- name: count_of_user^
-- How much is about to be erased.
SELECT
    (SELECT count(*) FROM images WHERE user_id = :user_id) AS images,
    (SELECT coalesce(sum(predictions), 0)::bigint FROM prediction_counts WHERE user_id = :user_id)
        AS predictions;

-- name: queue_objects_of_user!
-- The objects of the user's pictures; what was copied, or is just being copied, of uploads that
-- have no picture, once nobody's lease is left; and uploads whose prefix is the user's in another
-- notation.
INSERT INTO objects_to_remove (erasure_id, object_key, etag, due_at)
SELECT :erasure_id, object_key, '', now() FROM images WHERE user_id = :user_id
UNION
SELECT
    :erasure_id,
    to_char(received_at AT TIME ZONE 'UTC', 'YYYY/MM/DD/') || event_id || '.' || extension, '',
    CASE WHEN lease_token IS NULL THEN now() ELSE greatest(due_at, now()) END
FROM storage_events, unnest(ARRAY['jpg', 'png', 'webp']) AS extension
WHERE user_id = :user_id AND state IN ('pending', 'superseded', 'dead') AND attempts > 0
UNION
SELECT DISTINCT :erasure_id::uuid, object_key, coalesce(object_etag, etag), now()
FROM storage_events
WHERE user_id = :user_id AND NOT starts_with(object_key, 'uploads/' || :user_id || '/')
    AND coalesce(object_etag, etag) <> '';

-- name: blank_events_of_user!
-- All events of the user's uploads.
UPDATE storage_events
SET state = 'erased', fault = NULL, reason = NULL, user_id = NULL,
    object_key = 'erased/' || event_id, version_id = '', etag = '', sequencer = '',
    object_etag = NULL, size_bytes = NULL, written_at = NULL, object_modified = NULL,
    prediction_id = NULL, lease_token = NULL, finished_at = coalesce(finished_at, now())
WHERE user_id = :user_id;

-- name: delete_uploads_of_user!
-- The forms the user asked for.
DELETE FROM uploads WHERE user_id = :user_id;

-- name: blank_keys_about_user!
-- What others have sent for the user.
UPDATE idempotency_keys
SET request_digest = NULL, prediction_id = '00000000-0000-0000-0000-000000000000'
WHERE prediction_id IN (SELECT prediction_id FROM predictions WHERE user_id = :user_id);

-- name: delete_told_of_user!
-- What was not told yet to others.
DELETE FROM outbox WHERE data ->> 'user_id' = :user_id::text;

-- name: delete_failures_of_user!
-- Why the user's pictures could not be classified again.
DELETE FROM backfill_failures
WHERE image_id IN (SELECT image_id FROM images WHERE user_id = :user_id);

-- name: blank_backfills_of_user!
-- Backfills of this user's pictures alone become those of nobody's.
UPDATE backfills
SET filter = jsonb_set(filter, '{user_id}', '"00000000-0000-0000-0000-000000000000"')
WHERE filter ->> 'user_id' = :user_id::text;

-- name: delete_predictions_of_user!
-- All predictions of the user's pictures, and with them those of the shadow models.
DELETE FROM predictions
WHERE user_id = :user_id
    OR image_id IN (SELECT image_id FROM images WHERE user_id = :user_id);

-- name: delete_images_of_user!
-- The rows of all pictures.
DELETE FROM images WHERE user_id = :user_id;

-- name: forget_owner!
-- Whose the pictures were that were erased before.
UPDATE erasures SET owner_id = NULL WHERE owner_id = :user_id;

-- name: delete_user!
-- The user's row, with the e-mail address.
DELETE FROM users WHERE user_id = :user_id;

-- name: date_erasure$
-- The moment at which everything of the user is gone: what began before it is to leave nothing.
UPDATE erasures SET requested_at = clock_timestamp()
WHERE erasure_id = :erasure_id
RETURNING requested_at;

-- name: claim_erasure^
-- Take an erasure that is not finished and due, one of them or a certain one. That one is taken
-- even while it waits after a failure.
UPDATE erasures
SET lease_token = gen_random_uuid(), due_at = now() + make_interval(secs => :lease_seconds),
    attempts = attempts + 1
WHERE erasure_id = (
    SELECT erasure_id
    FROM erasures
    WHERE finished_at IS NULL
        AND (due_at <= now() OR (lease_token IS NULL AND erasure_id = :erasure_id))
        AND (:erasure_id::uuid IS NULL OR erasure_id = :erasure_id)
    ORDER BY due_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING erasure_id, kind, subject_id, requested_at, lease_token, attempts;

-- name: list_objects
-- Some of the objects that are to be removed now.
SELECT object_key, etag
FROM objects_to_remove
WHERE erasure_id = :erasure_id AND due_at <= now()
ORDER BY object_key
LIMIT :limit;

-- name: extend_lease^
-- Go on with an erasure, if it is still the caller's.
UPDATE erasures SET due_at = now() + make_interval(secs => :lease_seconds)
WHERE erasure_id = :erasure_id AND lease_token = :lease_token AND finished_at IS NULL
RETURNING erasure_id;

-- name: forget_objects!
-- These objects are gone.
DELETE FROM objects_to_remove
USING unnest(:keys::text[], :etags::text[]) AS gone (object_key, etag)
WHERE erasure_id = :erasure_id AND objects_to_remove.object_key = gone.object_key
    AND objects_to_remove.etag = gone.etag;

-- name: finish_erasure^
-- Nothing is left.
UPDATE erasures
SET finished_at = now(), lease_token = NULL, reason = NULL
WHERE erasure_id = :erasure_id AND lease_token = :lease_token AND finished_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM objects_to_remove WHERE erasure_id = :erasure_id)
RETURNING kind, subject_id;

-- name: put_back!
-- Let an erasure be claimed again after a while, or when its next objects are due.
UPDATE erasures
SET lease_token = NULL, reason = :reason, due_at = greatest(
    now() + make_interval(secs => :delay_seconds),
    (SELECT min(due_at) FROM objects_to_remove WHERE erasure_id = :erasure_id))
WHERE erasure_id = :erasure_id AND lease_token = :lease_token AND finished_at IS NULL;

-- name: count_unfinished$
-- How many erasures are not finished.
SELECT count(*) FROM erasures WHERE finished_at IS NULL;
