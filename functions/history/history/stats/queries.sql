-- name: prediction_stats^
-- A user's predictions of a time, counted by day (UTC), class, confidence and latency; by class
-- only the most frequent ones. Without a beginning it is the last thirty days.
WITH period AS (
    SELECT
        coalesce(:since::timestamptz, coalesce(:until::timestamptz, now()) - interval '30 days')
            AS since,
        coalesce(:until::timestamptz, now()) AS until
),
chosen AS MATERIALIZED (
    SELECT
        (created_at AT TIME ZONE 'UTC')::date AS day, predicted_class,
        confidence_score AS confidence, prediction_time_ms AS ms
    FROM predictions, period
    WHERE user_id = :user_id
        AND created_at >= since
        AND created_at < period.until
        AND (:model_version::text IS NULL OR model_version = :model_version)
),
days AS (
    SELECT day, count(*) AS predictions FROM chosen GROUP BY day
),
classes AS (
    SELECT predicted_class, count(*) AS predictions FROM chosen GROUP BY predicted_class
),
frequent AS (
    SELECT predicted_class, predictions
    FROM classes
    ORDER BY predictions DESC, predicted_class COLLATE "C"
    LIMIT :most_classes
)
SELECT
    period.since AS "from", period.until AS "to",
    (SELECT count(*) FROM chosen) AS total,
    (SELECT count(*) FROM classes) AS classes,
    (SELECT coalesce(jsonb_agg(days ORDER BY day), '[]') FROM days) AS by_day,
    (SELECT coalesce(
        jsonb_agg(frequent ORDER BY predictions DESC, predicted_class COLLATE "C"), '[]')
        FROM frequent) AS by_class,
    (SELECT avg(confidence) FROM chosen) AS mean_confidence,
    (SELECT percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY ms) FROM chosen)
        AS percentiles_ms,
    -- The last bin holds a confidence of 1 as well.
    array(
        SELECT count(chosen)
        FROM generate_series(1, :confidence_bins) AS bins (bin)
        LEFT JOIN chosen
            ON least(width_bucket(confidence, 0, 1, :confidence_bins), :confidence_bins) = bin
        GROUP BY bin
        ORDER BY bin) AS confidence_counts,
    array(
        SELECT count(chosen)
        FROM generate_series(0, cardinality(:latency_bounds::int[])) AS bins (bin)
        LEFT JOIN chosen ON width_bucket(ms, :latency_bounds::int[]) = bin
        GROUP BY bin
        ORDER BY bin) AS latency_counts
FROM period;
