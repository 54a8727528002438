-- name: find_user^
-- A user, and how much is stored of them.
SELECT
    user_id, email, created_at,
    (SELECT count(*) FROM images WHERE user_id = :user_id) AS images,
    (SELECT coalesce(sum(size_bytes), 0)::bigint FROM images WHERE user_id = :user_id)
        AS image_bytes,
    (SELECT coalesce(sum(predictions), 0)::bigint FROM prediction_counts WHERE user_id = :user_id)
        AS predictions
FROM users
WHERE user_id = :user_id;

-- name: was_erased$
-- Whether a user was erased.
SELECT EXISTS (SELECT 1 FROM erasures WHERE kind = 'user' AND subject_id = :user_id);
