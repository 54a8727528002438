-- name: user_rows
-- The small user, the heavy one, and all others.
COPY (
    SELECT md5('user ' || number)::uuid, 'user' || number || '@example.org',
        timestamptz '2025-01-01'
    FROM generate_series(0, :others + 1) AS number
) TO STDOUT (FORMAT binary);

-- name: image_rows
-- The pictures, oldest first, over a year. Every so many belong to the small user, a tenth to the
-- heavy one, and the rest to the others, to some of them many more than to most.
COPY (
    SELECT
        md5('image ' || number)::uuid,
        md5('user ' || CASE
            WHEN mod(number, :total / 1000) = 0 THEN 0
            WHEN mod(number, 10) = 3 THEN 1
            ELSE 2 + floor(:others * power(bench_share('owner', number), 3))::int
        END)::uuid,
        'picture ' || number || '.jpg',
        to_char(bench_time(number, :total), 'YYYY/MM/DD/') || md5('image ' || number)::uuid
            || '.jpg',
        'image/jpeg', 20000::bigint + mod(number, 500000), bench_time(number, :total),
        sha256(number::text::bytea), 640, 480,
        CASE WHEN mod(number, 7) = 5 THEN 'bucket' ELSE 'http' END
    FROM generate_series(0, :total - 1) AS number
) TO STDOUT (FORMAT binary);

-- name: prediction_rows
-- One prediction of each picture: of a thousand classes, some far more frequent than most, by
-- three versions after one another.
COPY (
    SELECT
        md5('prediction ' || number)::uuid, image_id,
        'v' || 1 + number * 3 / :total,
        'class ' || floor(1000 * power(bench_share('class', number), 2))::int,
        sqrt(bench_share('confidence', number)), 12, created_at, user_id,
        '[{"class": "espresso", "index": 967, "confidence": 0.9537},
          {"class": "cup", "index": 968, "confidence": 0.0211},
          {"class": "soup bowl", "index": 809, "confidence": 0.0088},
          {"class": "coffee mug", "index": 504, "confidence": 0.0047},
          {"class": "eggnog", "index": 969, "confidence": 0.0021}]'::jsonb,
        md5(number::text)::uuid::text, source, 'litert', repeat('a', 64), repeat('b', 64),
        repeat('c', 64)
    FROM generate_series(0, :total - 1) AS number
    JOIN images ON images.image_id = md5('image ' || number)::uuid
) TO STDOUT (FORMAT binary);

-- name: create_functions#
-- A number from 0 to 1 that looks drawn and is always the same; when the nth row was written.
CREATE FUNCTION bench_share(what text, number int) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT (hashtextextended(what, number) & 1073741823) / 1073741824.0
$$;
CREATE FUNCTION bench_time(number int, total int) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT timestamptz '2025-01-01' + interval '365 days' * (number::float8 / total)
$$;

-- name: add_versions!
-- The models that have answered.
INSERT INTO model_versions (version, model_path, state)
SELECT 'v' || number, 'v' || number, 'ready' FROM generate_series(1, 3) AS number;

-- name: secondary_indexes
-- What is quicker built after the rows are in.
SELECT indexname AS name, indexdef AS definition
FROM pg_indexes
WHERE schemaname = 'public' AND tablename IN ('images', 'predictions')
    AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = indexname);

-- name: sizes
-- Bytes of the tables, of their indexes, and of what keeps count.
SELECT
    pg_table_size('predictions') AS predictions, pg_indexes_size('predictions')
        AS predictions_indexes,
    pg_table_size('images') AS images, pg_indexes_size('images') AS images_indexes,
    pg_total_relation_size('prediction_counts') AS counts;

-- name: count_of^
-- How many predictions of a user there are, counted one by one.
SELECT
    count(*) AS everything,
    count(*) FILTER (WHERE predicted_class = :predicted_class) AS class,
    count(*) FILTER (WHERE confidence_score >= :min_confidence) AS confidence,
    count(*) FILTER (WHERE predicted_class = :predicted_class
        AND confidence_score >= :min_confidence) AS class_and_confidence,
    count(*) FILTER (WHERE model_version = :model_version) AS version,
    count(*) FILTER (WHERE source = :source) AS source,
    count(*) FILTER (WHERE created_at >= :since AND created_at < :until) AS period
FROM predictions
WHERE user_id = :user_id;

-- name: id_of$
-- The id of the nth user.
SELECT md5('user ' || :number)::uuid::text;

-- name: some_of
-- Some of a user's predictions.
SELECT prediction_id, image_id FROM predictions
WHERE user_id = :user_id ORDER BY created_at, prediction_id LIMIT 500;
