-- name: is_registered$
-- Whether there is, or was, a version.
SELECT EXISTS (SELECT 1 FROM model_versions WHERE version = :model_version);

-- name: measure_drift
-- The population stability index of each version's answers of a window against a baseline before
-- it, by feature; null where there are too few on either side. Backfills are left out: they answer
-- old pictures anew.
--
-- The index is the sum over bins of (w - b) * ln(w / b), of the shares in window and baseline.
-- Half an answer more in each bin keeps empty ones from making it infinite. Classes are the most
-- frequent ones and all others together.
WITH answers AS MATERIALIZED (
    SELECT
        version.version, prediction.created_at >= :since AS recent, predicted_class,
        least(width_bucket(confidence_score, 0, 1, :bins), :bins) AS confidence_bin,
        CASE WHEN brightness IS NOT NULL THEN
            least(width_bucket(brightness, 0, 1, :bins), :bins)
        END AS brightness_bin,
        count(*) AS answers
    FROM model_versions AS version
    JOIN predictions AS prediction ON prediction.model_version = version.version
    JOIN images AS image USING (image_id)
    WHERE prediction.created_at >= :baseline_since AND prediction.created_at < :until
        AND backfill_id IS NULL
        AND (:model_version::text IS NULL OR version.version = :model_version)
    GROUP BY version.version, recent, predicted_class, confidence_bin, brightness_bin
),
classes AS (
    SELECT
        version, predicted_class,
        least(:bins, row_number() OVER (
            PARTITION BY version ORDER BY sum(answers) DESC, predicted_class COLLATE "C")
        ) AS class_bin
    FROM answers
    GROUP BY version, predicted_class
),
counts AS (
    SELECT
        version, feature, bin,
        coalesce(sum(answers) FILTER (WHERE recent), 0)::float8 AS recent,
        coalesce(sum(answers) FILTER (WHERE NOT recent), 0)::float8 AS earlier
    FROM answers
    JOIN classes USING (version, predicted_class)
    CROSS JOIN LATERAL (VALUES
        ('class_mix', class_bin), ('confidence', confidence_bin), ('brightness', brightness_bin)
    ) AS features (feature, bin)
    WHERE bin IS NOT NULL
    GROUP BY version, feature, bin
),
sums AS (
    SELECT
        *,
        sum(recent) OVER of_feature AS all_recent,
        sum(earlier) OVER of_feature AS all_earlier,
        count(*) OVER of_feature / 2.0 AS added
    FROM counts
    WINDOW of_feature AS (PARTITION BY version, feature)
),
shares AS (
    SELECT
        *,
        (recent + 0.5) / (all_recent + added) AS window_share,
        (earlier + 0.5) / (all_earlier + added) AS baseline_share
    FROM sums
)
SELECT
    version AS model_version, feature, all_recent::bigint AS recent,
    all_earlier::bigint AS earlier,
    CASE WHEN least(all_recent, all_earlier) >= :least_answers THEN
        sum((window_share - baseline_share) * ln(window_share / baseline_share))
    END AS psi
FROM shares
GROUP BY version, feature, all_recent, all_earlier
ORDER BY version, feature;
