-- name: find_subject^
-- Whose a prediction is, and whether a label can be its class: one of its version's, or any where
-- those are not known. An owner of null finds anybody's.
SELECT
    predictions.user_id, predictions.model_version,
    version.labels IS NULL OR predicted_class = :label OR :label = ANY (version.labels) AS fits
FROM predictions
JOIN model_versions AS version ON version.version = predictions.model_version
WHERE prediction_id = :prediction_id
    AND (:owner::uuid IS NULL OR predictions.user_id = :owner);

-- name: put_feedback^
-- Say of a prediction what it shows, instead of what was said before. The time of the change stays
-- if nothing changes.
INSERT INTO feedback AS known (prediction_id, label, comment)
VALUES (:prediction_id, :label, :comment)
ON CONFLICT (prediction_id) DO UPDATE
SET label = excluded.label, comment = excluded.comment,
    updated_at = CASE
        WHEN (known.label, known.comment) IS NOT DISTINCT FROM (excluded.label, excluded.comment)
            THEN known.updated_at
        ELSE now()
    END
RETURNING label, comment, created_at, updated_at;

-- name: remove_feedback!
-- Take back what was said of a prediction.
DELETE FROM feedback WHERE prediction_id = :prediction_id;

-- name: list_uncertain
-- A user's predictions of which nobody has said anything, the least certain first; a cursor is the
-- last row of the page before.
SELECT
    prediction_id, image_id, predicted_class, confidence_score, created_at,
    prediction_margin(top_k) AS margin
FROM predictions
WHERE user_id = :user_id
    AND prediction_margin(top_k) IS NOT NULL
    AND (:cursor_margin::float8 IS NULL
        OR (prediction_margin(top_k), prediction_id)
            > (:cursor_margin::float8, :cursor_id::uuid))
    AND NOT EXISTS (
        SELECT FROM feedback WHERE feedback.prediction_id = predictions.prediction_id
    )
ORDER BY prediction_margin(top_k), prediction_id
LIMIT :limit;
