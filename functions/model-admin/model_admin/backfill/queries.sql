-- name: count_pictures$
-- How many pictures have a prediction that the filter selects.
SELECT count(DISTINCT image_id)
FROM predictions
WHERE created_at < now()
    AND (:since::timestamptz IS NULL OR created_at >= :since)
    AND (:until::timestamptz IS NULL OR created_at < :until)
    AND (:predicted_class::text IS NULL OR predicted_class = :predicted_class)
    AND (:min_confidence::float8 IS NULL OR confidence_score >= :min_confidence)
    AND (:max_confidence::float8 IS NULL OR confidence_score <= :max_confidence)
    AND (:model_version::text IS NULL OR model_version = :model_version)
    AND (:user_id::uuid IS NULL OR user_id = :user_id);

-- name: insert_backfill^
-- Let a backfill run, if its model is ready and stays so until this is committed.
INSERT INTO backfills (model_version, filter, pictures_per_second, total, created_by)
SELECT version, :filter, :pictures_per_second, :total, :created_by
FROM model_versions
WHERE version = :model_version AND state = 'ready'
FOR SHARE
RETURNING
    backfill_id, model_version, filter, pictures_per_second, state, problem, total, classified,
    failed, created_by, created_at, finished_at;

-- name: model_state$
-- How far a model version has come.
SELECT state FROM model_versions WHERE version = :version;

-- name: find_backfill^
-- A backfill as it stands.
SELECT
    backfill_id, model_version, filter, pictures_per_second, state, problem, total, classified,
    failed, created_by, created_at, finished_at
FROM backfills
WHERE backfill_id = :backfill_id;

-- name: list_failures
-- The pictures, as far as they were kept, that a backfill could not classify.
SELECT image_id, reason FROM backfill_failures
WHERE backfill_id = :backfill_id
ORDER BY image_id;

-- name: list_backfills
-- The newest backfills.
SELECT
    backfill_id, model_version, filter, pictures_per_second, state, problem, total, classified,
    failed, created_by, created_at, finished_at
FROM backfills
ORDER BY created_at DESC, backfill_id
LIMIT 100;

-- name: cancel_backfill^
-- End a running backfill, whoever works on it.
UPDATE backfills
SET state = 'cancelled', problem = NULL, lease_token = NULL, lease_until = NULL,
    finished_at = now()
WHERE backfill_id = :backfill_id AND state = 'running'
RETURNING model_version, total, classified, failed;

-- name: claim_backfill^
-- Take the running backfill that has been longest without work and is nobody's.
UPDATE backfills
SET lease_token = gen_random_uuid(), lease_until = now() + make_interval(secs => :lease_seconds)
WHERE backfill_id = (
    SELECT backfill_id
    FROM backfills
    WHERE state = 'running' AND (lease_until IS NULL OR lease_until <= now())
    ORDER BY lease_until NULLS FIRST, created_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING backfill_id, model_version, filter, pictures_per_second, created_at, lease_token;

-- name: begin_batch^
-- Note that a worker begins with the pictures behind the last one finished.
UPDATE backfills
SET lease_until = now() + make_interval(secs => :lease_seconds),
    attempts = CASE WHEN :excused THEN attempts ELSE attempts + 1 END
WHERE backfill_id = :backfill_id AND lease_token = :lease_token AND state = 'running'
RETURNING attempts, after_image;

-- name: end_of_window$
-- The last of the next so many pictures; nothing if there are fewer.
SELECT image_id
FROM images
WHERE :after_image::uuid IS NULL OR image_id > :after_image
ORDER BY image_id
LIMIT 1 OFFSET :window - 1;

-- name: next_pictures
-- The next pictures that have a prediction which the filter selects and which was there when the
-- backfill was started. However many it has, a picture comes once.
SELECT image_id, object_key, size_bytes, sha256
FROM images
WHERE (:after_image::uuid IS NULL OR image_id > :after_image)
    AND (:last_image::uuid IS NULL OR image_id <= :last_image)
    AND EXISTS (
        SELECT 1
        FROM predictions
        WHERE predictions.image_id = images.image_id
            AND created_at < :started_at
            AND (:since::timestamptz IS NULL OR created_at >= :since)
            AND (:until::timestamptz IS NULL OR created_at < :until)
            AND (:predicted_class::text IS NULL OR predicted_class = :predicted_class)
            AND (:min_confidence::float8 IS NULL OR confidence_score >= :min_confidence)
            AND (:max_confidence::float8 IS NULL OR confidence_score <= :max_confidence)
            AND (:model_version::text IS NULL OR model_version = :model_version)
            AND (:user_id::uuid IS NULL OR user_id = :user_id)
    )
ORDER BY image_id
LIMIT :size;

-- name: hold_backfill^
-- Make sure that nobody takes the backfill over or cancels it before this is committed.
SELECT failed FROM backfills
WHERE backfill_id = :backfill_id AND lease_token = :lease_token AND state = 'running'
FOR NO KEY UPDATE;

-- name: insert_prediction!
-- Add a picture's new prediction, unless it has one or the picture was deleted meanwhile.
INSERT INTO predictions (
    image_id, user_id, model_version, predicted_class, confidence_score, prediction_time_ms,
    top_k, request_id, source, engine, model_digest, twin_digest, preprocessing_digest,
    backfill_id)
SELECT
    image_id, user_id, :model_version, :predicted_class, :confidence_score, :prediction_time_ms,
    :top_k, :request_id, 'backfill', :engine, :model_digest, :twin_digest,
    :preprocessing_digest, :backfill_id
FROM images
WHERE image_id = :image_id
FOR KEY SHARE
ON CONFLICT (backfill_id, image_id) WHERE backfill_id IS NOT NULL DO NOTHING;

-- name: note_brightness!
-- How bright a picture is that was stored before anybody noted it.
UPDATE images SET brightness = :brightness WHERE image_id = :image_id AND brightness IS NULL;

-- name: hold_picture$
-- A picture that is not deleted before this is committed, if it was not before.
SELECT image_id FROM images WHERE image_id = :image_id FOR KEY SHARE;

-- name: insert_failure!
-- Note why a picture could not be classified.
INSERT INTO backfill_failures (backfill_id, image_id, reason)
VALUES (:backfill_id, :image_id, :reason)
ON CONFLICT DO NOTHING;

-- name: advance_backfill!
-- Count what is done, and go on behind it.
UPDATE backfills
SET classified = classified + :classified, failed = failed + :failed,
    after_image = :after_image, attempts = 0, problem = NULL,
    lease_until = now() + make_interval(secs => :lease_seconds)
WHERE backfill_id = :backfill_id;

-- name: explain_backfill!
-- Say what a running backfill waits for.
UPDATE backfills SET problem = :problem
WHERE backfill_id = :backfill_id AND lease_token = :lease_token AND state = 'running';

-- name: release_backfill!
-- Give a backfill back; whoever claims next takes another one first.
UPDATE backfills
SET lease_token = NULL, lease_until = now(),
    attempts = CASE WHEN :excused THEN 0 ELSE attempts END
WHERE backfill_id = :backfill_id AND lease_token = :lease_token AND state = 'running';

-- name: finish_backfill!
-- Every picture is done.
UPDATE backfills
SET state = 'done', total = classified + failed, problem = NULL, lease_token = NULL,
    lease_until = NULL, finished_at = now()
WHERE backfill_id = :backfill_id AND lease_token = :lease_token AND state = 'running';

-- name: fail_backfill!
-- End a backfill that cannot go on.
UPDATE backfills
SET state = 'failed', problem = :problem, lease_token = NULL, lease_until = NULL,
    finished_at = now()
WHERE backfill_id = :backfill_id AND lease_token = :lease_token AND state = 'running';
