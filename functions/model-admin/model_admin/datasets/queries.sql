-- name: labelled_pictures
-- Every picture of which somebody has said what it shows, in the order of its digest. The same
-- bytes sent twice are one picture, and the last opinion of any of them is what counts; what is
-- limited in time is the answer it is an opinion of. Pictures without a digest are left out: they
-- could be on both sides of a split.
SELECT *
FROM (
    SELECT DISTINCT ON (images.sha256)
        said.label, images.image_id, object_key, encode(images.sha256, 'hex') AS sha256,
        content_type, size_bytes, width, height, predicted_class, confidence_score,
        model_version, said.updated_at AS labelled_at
    FROM feedback AS said
    JOIN predictions USING (prediction_id)
    JOIN images USING (image_id)
    WHERE images.sha256 IS NOT NULL
        AND (:model_version::text IS NULL OR model_version = :model_version)
        AND (:since::timestamptz IS NULL OR predictions.created_at >= :since)
        AND (:until::timestamptz IS NULL OR predictions.created_at < :until)
    ORDER BY images.sha256, said.updated_at DESC, prediction_id
) AS pictures
WHERE :label::text IS NULL OR label = :label
ORDER BY sha256 COLLATE "C";
