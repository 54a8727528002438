-- name: record_prediction$
-- Store a picture's owner, the picture and its prediction; answers the prediction's id.
-- The owner is created or, if its token names another address by now, updated. An address that
-- already belongs to another user is replaced by a placeholder.
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
),
image AS (
    INSERT INTO images (
        image_id, user_id, filename, object_key, content_type, size_bytes,
        sha256, width, height, source)
    VALUES (
        :image_id, :user_id, :filename, :object_key, :content_type, :size_bytes,
        :sha256, :width, :height, :source)
)
INSERT INTO predictions (
    image_id, user_id, model_version, predicted_class, confidence_score, prediction_time_ms,
    top_k, request_id, source, engine, model_digest, twin_digest, preprocessing_digest)
VALUES (
    :image_id, :user_id, :model_version, :predicted_class, :confidence_score,
    :prediction_time_ms, :top_k, :request_id, :source, :engine, :model_digest, :twin_digest,
    :preprocessing_digest)
RETURNING prediction_id;

-- name: keys_without_row
-- Those of the given object keys that no image has.
SELECT key
FROM unnest(:keys::text[]) AS key
WHERE NOT EXISTS (SELECT 1 FROM images WHERE object_key = key);

-- name: record_shadow_prediction!
-- Store what the shadow model says of an answered picture.
INSERT INTO shadow_predictions (
    prediction_id, model_version, predicted_class, confidence_score, prediction_time_ms, top_k,
    engine, model_digest, twin_digest, preprocessing_digest)
VALUES (
    :prediction_id, :model_version, :predicted_class, :confidence_score, :prediction_time_ms,
    :top_k, :engine, :model_digest, :twin_digest, :preprocessing_digest)
ON CONFLICT DO NOTHING;
