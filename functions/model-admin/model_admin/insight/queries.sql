-- name: registered_versions
-- Those of some versions that are registered, whatever became of them.
SELECT version FROM model_versions WHERE version = ANY(:versions);

-- name: compare_versions^
-- What two versions answered to the same pictures, and how each answers by itself.
--
-- A pair is one picture with an answer of each version: a shadow's beside the live one, or a
-- backfill's beside the newest before it. A picture counts once, with its newest pair. What is
-- limited in time is the live answer, and the backfill's.
WITH candidates AS (
    SELECT
        live.image_id, live.created_at AS answered_at, live.created_at AS first_answered_at,
        live.model_version = :other AS new_was_first,
        'live' AS first_kind, live.predicted_class AS first_class,
        live.confidence_score AS first_confidence, live.prediction_time_ms AS first_ms,
        'shadow' AS second_kind, shadow.predicted_class AS second_class,
        shadow.confidence_score AS second_confidence, shadow.prediction_time_ms AS second_ms
    FROM predictions AS live
    JOIN shadow_predictions AS shadow USING (prediction_id)
    WHERE :basis IN ('shadow', 'all')
        AND live.model_version IN (:version, :other)
        AND shadow.model_version IN (:version, :other)
        AND live.model_version <> shadow.model_version
        AND (:since::timestamptz IS NULL OR live.created_at >= :since)
        AND (:until::timestamptz IS NULL OR live.created_at < :until)
    UNION ALL
    SELECT
        again.image_id, again.created_at, earlier.created_at,
        earlier.model_version = :other,
        CASE WHEN earlier.backfill_id IS NULL THEN 'live' ELSE 'backfill' END,
        earlier.predicted_class, earlier.confidence_score, earlier.prediction_time_ms,
        'backfill', again.predicted_class, again.confidence_score, again.prediction_time_ms
    FROM predictions AS again
    JOIN predictions AS earlier USING (image_id)
    WHERE :basis IN ('backfill', 'all')
        AND again.backfill_id IS NOT NULL
        AND again.model_version IN (:version, :other)
        AND earlier.model_version IN (:version, :other)
        AND earlier.model_version <> again.model_version
        AND earlier.created_at < again.created_at
        AND (:since::timestamptz IS NULL OR again.created_at >= :since)
        AND (:until::timestamptz IS NULL OR again.created_at < :until)
),
pairs AS MATERIALIZED (
    SELECT DISTINCT ON (image_id)
        *,
        CASE WHEN new_was_first THEN second_class ELSE first_class END AS old_class,
        CASE WHEN new_was_first THEN first_class ELSE second_class END AS new_class
    FROM candidates
    ORDER BY image_id, answered_at DESC, first_answered_at DESC
),
-- The answers whose distributions are compared: those of the pairs, so that both are of the same
-- pictures; the live ones of a canary, which has no pairs; or all there are.
answers AS (
    SELECT
        CASE WHEN new_was_first THEN :other ELSE :version END AS version,
        first_kind AS kind, first_confidence AS confidence, first_ms AS ms
    FROM pairs
    WHERE :basis <> 'all'
    UNION ALL
    SELECT
        CASE WHEN new_was_first THEN :version ELSE :other END,
        second_kind, second_confidence, second_ms
    FROM pairs
    WHERE :basis <> 'all'
    UNION ALL
    SELECT
        model_version, CASE WHEN backfill_id IS NULL THEN 'live' ELSE 'backfill' END,
        confidence_score, prediction_time_ms
    FROM predictions
    WHERE (:basis = 'all' OR :basis = 'canary' AND backfill_id IS NULL)
        AND model_version IN (:version, :other)
        AND (:since::timestamptz IS NULL OR created_at >= :since)
        AND (:until::timestamptz IS NULL OR created_at < :until)
    UNION ALL
    SELECT model_version, 'shadow', confidence_score, prediction_time_ms
    FROM shadow_predictions
    WHERE :basis = 'all'
        AND model_version IN (:version, :other)
        AND (:since::timestamptz IS NULL OR created_at >= :since)
        AND (:until::timestamptz IS NULL OR created_at < :until)
),
-- All that follows needs these counts alone, thousands of rows instead of millions. The last bin
-- holds a confidence of 1 as well.
counts AS MATERIALIZED (
    SELECT
        version, kind, ms,
        least(width_bucket(confidence, 0, 1, :confidence_bins), :confidence_bins) AS bin,
        count(*) AS answers, sum(confidence) AS confidence
    FROM answers
    GROUP BY version, kind, ms, bin
),
changes AS (
    SELECT old_class AS old, new_class AS new, count(*) AS pictures
    FROM pairs
    WHERE old_class <> new_class
    GROUP BY old_class, new_class
    ORDER BY pictures DESC, old_class COLLATE "C", new_class COLLATE "C"
    LIMIT :most_changes
),
percentiles AS (
    SELECT
        version,
        min(ms) FILTER (WHERE reached >= 0.50 * total) AS p50,
        min(ms) FILTER (WHERE reached >= 0.95 * total) AS p95,
        min(ms) FILTER (WHERE reached >= 0.99 * total) AS p99
    FROM (
        SELECT
            version, ms,
            sum(answers) OVER (PARTITION BY version ORDER BY ms) AS reached,
            sum(answers) OVER (PARTITION BY version) AS total
        FROM counts) AS running
    GROUP BY version
),
distributions AS (
    SELECT
        version,
        sum(answers)::bigint AS answers,
        coalesce(sum(answers) FILTER (WHERE kind = 'live'), 0)::bigint AS live,
        coalesce(sum(answers) FILTER (WHERE kind = 'shadow'), 0)::bigint AS shadow,
        coalesce(sum(answers) FILTER (WHERE kind = 'backfill'), 0)::bigint AS backfill,
        sum(confidence) / sum(answers) AS mean_confidence,
        p50, p95, p99,
        array(
            SELECT coalesce(sum(own.answers), 0)::bigint
            FROM generate_series(1, :confidence_bins) AS bins (bin)
            LEFT JOIN counts AS own ON own.bin = bins.bin AND own.version = counts.version
            GROUP BY bins.bin
            ORDER BY bins.bin) AS confidence_counts,
        array(
            SELECT coalesce(sum(own.answers), 0)::bigint
            FROM generate_series(0, cardinality(:latency_bounds::int[])) AS bins (bin)
            LEFT JOIN counts AS own
                ON width_bucket(own.ms, :latency_bounds::int[]) = bins.bin
                AND own.version = counts.version
            GROUP BY bins.bin
            ORDER BY bins.bin) AS latency_counts
    FROM counts
    JOIN percentiles USING (version)
    GROUP BY version, p50, p95, p99
)
SELECT
    (SELECT count(*) FROM pairs) AS pictures,
    (SELECT count(*) FROM pairs WHERE old_class = new_class) AS agreed,
    (SELECT coalesce(
        jsonb_agg(changes ORDER BY pictures DESC, old COLLATE "C", new COLLATE "C"), '[]')
        FROM changes) AS class_changes,
    (SELECT coalesce(jsonb_object_agg(version, to_jsonb(distributions)), '{}')
        FROM distributions) AS distributions;
