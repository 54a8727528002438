-- name: list_labelled
-- Pictures of which somebody has said what they show, each once, in the order of their digests,
-- behind the digest `after`. Where equal pictures have several labels the latest one counts. An
-- order by digest is also a random one.
SELECT *
FROM (
    SELECT DISTINCT ON (images.sha256)
        images.sha256, images.image_id, images.object_key, images.content_type, images.width,
        images.height, prediction_id, predictions.predicted_class, confidence_score,
        predictions.model_version, feedback.label, feedback.updated_at AS labelled_at
    FROM feedback
    JOIN predictions USING (prediction_id)
    JOIN images USING (image_id)
    WHERE images.sha256 IS NOT NULL
        AND (:after::bytea IS NULL OR images.sha256 > :after)
        AND (:predicted_class::text IS NULL OR predictions.predicted_class = :predicted_class)
        AND (:min_confidence::float8 IS NULL OR confidence_score >= :min_confidence)
        AND (:model_version::text IS NULL OR predictions.model_version = :model_version)
        AND (:source::text IS NULL OR predictions.source = :source)
        AND (:since::timestamptz IS NULL OR predictions.created_at >= :since)
        AND (:until::timestamptz IS NULL OR predictions.created_at <= :until)
        AND (:user_id::uuid IS NULL OR predictions.user_id = :user_id)
    ORDER BY images.sha256, feedback.updated_at DESC, prediction_id
) AS latest
WHERE (:label::text IS NULL OR label = :label)
ORDER BY sha256
LIMIT :limit;
