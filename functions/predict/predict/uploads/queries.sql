-- name: insert_upload$
-- Store an allowed upload and its owner, unless that was erased since the request began.
-- The owner is created or, if its token names another address by now, updated. An address that
-- already belongs to another user is replaced by a placeholder.
WITH owner AS (
    INSERT INTO users (user_id, email)
    SELECT
        :user_id,
        CASE
            WHEN :email::text IS NULL THEN :placeholder_email
            WHEN EXISTS (SELECT 1 FROM users WHERE email = :email AND user_id <> :user_id)
                THEN :placeholder_email
            ELSE :email
        END
    ON CONFLICT (user_id) DO UPDATE SET email = excluded.email
    WHERE :email::text IS NOT NULL AND users.email <> excluded.email
    RETURNING user_id
),
upload AS (
    INSERT INTO uploads (upload_id, user_id, object_key, filename, content_type, expires_at)
    VALUES (:upload_id, :user_id, :object_key, :filename, :content_type, :expires_at)
    RETURNING upload_id
)
SELECT upload_id, refuse_if_erased(:user_id, :elapsed)
FROM upload, (SELECT count(*) FROM owner) AS held;

-- name: find_upload^
-- An upload and the event that decides what became of it; an owner of null finds anybody's.
SELECT
    upload_id, filename, content_type, uploads.object_key, uploads.created_at, expires_at,
    event.state AS event_state, fault, reason,
    CASE WHEN event.state IN ('classified', 'done') THEN event_id END AS image_id,
    event.prediction_id, predicted_class, confidence_score
FROM uploads
LEFT JOIN LATERAL (
    SELECT event_id, state, fault, reason, prediction_id
    FROM storage_events
    WHERE bucket = :bucket AND object_key = uploads.object_key AND state <> 'superseded'
    ORDER BY received_at DESC, event_id DESC
    LIMIT 1
) AS event ON true
LEFT JOIN predictions ON predictions.prediction_id = event.prediction_id
WHERE upload_id = :upload_id AND (:owner::uuid IS NULL OR uploads.user_id = :owner);
