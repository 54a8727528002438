-- name: list_predictions
-- One page of a user's predictions, newest first; a cursor is the last row of the page before.
SELECT prediction_id, image_id, predicted_class, confidence_score, created_at
FROM predictions
WHERE user_id = :user_id
    AND (:predicted_class::text IS NULL OR predicted_class = :predicted_class)
    AND (:min_confidence::float8 IS NULL OR confidence_score >= :min_confidence)
    AND (:model_version::text IS NULL OR model_version = :model_version)
    AND (:source::text IS NULL OR source = :source)
    AND (:since::timestamptz IS NULL OR created_at >= :since)
    AND (:until::timestamptz IS NULL OR created_at < :until)
    AND (:cursor_time::timestamptz IS NULL
        OR (created_at, prediction_id) < (:cursor_time::timestamptz, :cursor_id::uuid))
ORDER BY created_at DESC, prediction_id DESC
LIMIT :limit OFFSET :offset;

-- name: add_counts_up$
-- How many predictions a user has, by a version, from a source: a sum of what is kept of it, which
-- is exact and does not look at the predictions.
SELECT coalesce(sum(predictions), 0)::bigint
FROM prediction_counts
WHERE user_id = :user_id
    AND (:model_version::text IS NULL OR model_version = :model_version)
    AND (:source::text IS NULL OR source = :source);

-- name: count_predictions$
-- How many predictions of a user the same filters select, counted one by one.
SELECT count(*)
FROM predictions
WHERE user_id = :user_id
    AND (:predicted_class::text IS NULL OR predicted_class = :predicted_class)
    AND (:min_confidence::float8 IS NULL OR confidence_score >= :min_confidence)
    AND (:model_version::text IS NULL OR model_version = :model_version)
    AND (:source::text IS NULL OR source = :source)
    AND (:since::timestamptz IS NULL OR created_at >= :since)
    AND (:until::timestamptz IS NULL OR created_at < :until);

-- name: export_predictions
-- All predictions of a user that the filters of the list select, newest first, with their lineage.
SELECT
    prediction_id, predictions.image_id, filename, object_key,
    encode(images.sha256, 'hex') AS image_sha256, predicted_class, confidence_score, top_k,
    model_version, engine, model_digest, prediction_time_ms, predictions.source, request_id,
    predictions.created_at, said.label, said.comment
FROM predictions
JOIN images USING (image_id)
LEFT JOIN feedback AS said USING (prediction_id)
WHERE predictions.user_id = :user_id
    AND (:predicted_class::text IS NULL OR predicted_class = :predicted_class)
    AND (:min_confidence::float8 IS NULL OR confidence_score >= :min_confidence)
    AND (:model_version::text IS NULL OR model_version = :model_version)
    AND (:source::text IS NULL OR predictions.source = :source)
    AND (:since::timestamptz IS NULL OR predictions.created_at >= :since)
    AND (:until::timestamptz IS NULL OR predictions.created_at < :until)
ORDER BY predictions.created_at DESC, prediction_id DESC;

-- name: find_prediction^
-- One prediction with its lineage and what was said of it; an owner of null finds anybody's.
SELECT
    prediction_id, predictions.image_id, predictions.user_id, predicted_class, confidence_score,
    prediction_time_ms, top_k, predictions.created_at, predictions.source, request_id,
    model_version, engine, model_digest, twin_digest, preprocessing_digest,
    encode(images.sha256, 'hex') AS image_sha256,
    said.label AS said_label, said.comment AS said_comment, said.created_at AS said_created_at,
    said.updated_at AS said_updated_at
FROM predictions
JOIN images USING (image_id)
LEFT JOIN feedback AS said USING (prediction_id)
WHERE prediction_id = :prediction_id
    AND (:owner::uuid IS NULL OR predictions.user_id = :owner);
