-- name: record_prediction$
-- Store a picture's owner, the picture and its prediction, and have them told to whom it may
-- concern; answers the prediction's id.
-- The owner is created or, if its token names another address by now, updated. An address that
-- already belongs to another user is replaced by a placeholder. Once the owner's row is held, it
-- is certain whether the owner was erased since the request began.
WITH owner AS (
    INSERT INTO users (user_id, email)
    SELECT
        :user_id,
        CASE
            WHEN :email::text IS NULL THEN :placeholder_email
            WHEN EXISTS (SELECT 1 FROM users WHERE email = :email AND user_id <> :user_id)
                THEN :placeholder_email
            ELSE :email
        END
    ON CONFLICT (user_id) DO UPDATE SET email = excluded.email
    WHERE :email::text IS NOT NULL AND users.email <> excluded.email
    RETURNING user_id
),
image AS (
    INSERT INTO images (
        image_id, user_id, filename, object_key, content_type, size_bytes,
        sha256, width, height, brightness, source)
    VALUES (
        :image_id, :user_id, :filename, :object_key, :content_type, :size_bytes,
        :sha256, :width, :height, :brightness, :source)
),
prediction AS (
    INSERT INTO predictions (
        prediction_id, image_id, user_id, model_version, predicted_class, confidence_score,
        prediction_time_ms, top_k, request_id, source, engine, model_digest, twin_digest,
        preprocessing_digest)
    VALUES (
        :prediction_id, :image_id, :user_id, :model_version, :predicted_class,
        :confidence_score, :prediction_time_ms, :top_k, :request_id, :source, :engine,
        :model_digest, :twin_digest, :preprocessing_digest)
    RETURNING
        prediction_id, image_id, user_id, predicted_class, confidence_score, model_version,
        source, created_at
)
SELECT prediction_id, publish_event(
    'imgclass.prediction.created', prediction_id::text,
    to_jsonb(prediction) || jsonb_build_object('object_key', :object_key::text), :has_sink),
    refuse_if_erased(:user_id, :elapsed)
FROM prediction, (SELECT count(*) FROM owner) AS held;

-- name: record_again$
-- Store another prediction of a picture, and have it told to whom it may concern; answers the
-- prediction's id, or nothing if the picture is not there, or not the owner's. The owner is held
-- before the picture, as everywhere, and both until this is committed.
WITH owner AS MATERIALIZED (
    SELECT user_id FROM users WHERE user_id = :user_id FOR KEY SHARE
),
image AS MATERIALIZED (
    SELECT image_id, user_id, object_key
    FROM images
    WHERE image_id = :image_id AND user_id = (SELECT user_id FROM owner)
    FOR KEY SHARE
),
prediction AS (
    INSERT INTO predictions (
        prediction_id, image_id, user_id, model_version, predicted_class, confidence_score,
        prediction_time_ms, top_k, request_id, source, engine, model_digest, twin_digest,
        preprocessing_digest)
    SELECT
        :prediction_id, image_id, user_id, :model_version, :predicted_class, :confidence_score,
        :prediction_time_ms, :top_k, :request_id, :source, :engine, :model_digest,
        :twin_digest, :preprocessing_digest
    FROM image
    RETURNING
        prediction_id, image_id, user_id, predicted_class, confidence_score, model_version,
        source, created_at
)
SELECT prediction_id, publish_event(
    'imgclass.prediction.created', prediction_id::text,
    to_jsonb(prediction) || jsonb_build_object('object_key', object_key), :has_sink)
FROM prediction JOIN (SELECT image_id, object_key FROM image) AS image USING (image_id);

-- name: find_picture^
-- Where a picture lies and what it should be; an owner of null finds anybody's.
SELECT image_id, user_id, filename, object_key, size_bytes, sha256
FROM images
WHERE image_id = :image_id AND (:owner::uuid IS NULL OR user_id = :owner);

-- name: complete_key^
-- Note which prediction answers a key, if the key is still the caller's.
UPDATE idempotency_keys SET prediction_id = :prediction_id
WHERE user_id = :user_id AND key_digest = :key_digest AND lease_token = :lease_token
    AND prediction_id IS NULL
RETURNING prediction_id;

-- name: complete_upload^
-- Note that an event's object is classified, if the event is still the caller's, and unless the
-- same bytes under the same key were classified not long ago: then they are a client's second
-- attempt, or another event of the same object. Until this is committed nobody else completes an
-- event of the same object: what the second statement sees of it, it sees with the lock held.
SELECT pg_advisory_xact_lock(hashtextextended(bucket || '/' || object_key, 0))
FROM storage_events
WHERE event_id = :event_id;
UPDATE storage_events AS mine
SET state = CASE WHEN :keep THEN 'done' ELSE 'classified' END, object_etag = :etag,
    object_modified = :modified, prediction_id = :prediction_id, reason = NULL,
    finished_at = now()
WHERE event_id = :event_id AND lease_token = :lease_token AND state = 'pending'
    AND NOT EXISTS (
        SELECT 1
        FROM storage_events AS other
        WHERE other.bucket = mine.bucket AND other.object_key = mine.object_key
            AND other.object_etag = :etag AND other.event_id <> mine.event_id
            AND other.state IN ('classified', 'done')
            AND other.finished_at > now() - interval '1 day'
    )
RETURNING event_id;

-- name: record_shadow_prediction!
-- Store what the shadow model says of an answered picture.
INSERT INTO shadow_predictions (
    prediction_id, model_version, predicted_class, confidence_score, prediction_time_ms, top_k,
    engine, model_digest, twin_digest, preprocessing_digest)
VALUES (
    :prediction_id, :model_version, :predicted_class, :confidence_score, :prediction_time_ms,
    :top_k, :engine, :model_digest, :twin_digest, :preprocessing_digest)
ON CONFLICT DO NOTHING;
