-- name: find_image^
-- One stored picture; an owner of null finds anybody's.
SELECT
    image_id, user_id, filename, object_key, content_type, size_bytes,
    encode(sha256, 'hex') AS sha256, width, height, source, created_at
FROM images
WHERE image_id = :image_id
    AND (:owner::uuid IS NULL OR user_id = :owner);

-- name: was_erased$
-- Whether a picture was erased; an owner of null asks for anybody's.
SELECT EXISTS (
    SELECT 1 FROM erasures
    WHERE kind = 'image' AND subject_id = :image_id
        AND (:owner::uuid IS NULL OR owner_id = :owner));
