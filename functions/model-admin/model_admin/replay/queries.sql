-- name: find_recorded^
-- A prediction with its picture and its model's state; an owner of null finds anybody's.
SELECT
    p.prediction_id, p.predicted_class, p.confidence_score, p.top_k, p.model_version, p.engine,
    p.model_digest, p.twin_digest, p.preprocessing_digest,
    encode(i.sha256, 'hex') AS image_sha256, i.object_key, i.size_bytes, i.user_id,
    m.state AS model_state,
    num_nulls(p.engine, p.model_digest, p.preprocessing_digest, i.sha256) = 0
        AND jsonb_array_length(p.top_k) > 0 AS has_lineage
FROM predictions AS p
JOIN images AS i USING (image_id)
JOIN model_versions AS m ON m.version = p.model_version
WHERE p.prediction_id = :prediction_id
    AND (:owner::uuid IS NULL OR p.user_id = :owner);
