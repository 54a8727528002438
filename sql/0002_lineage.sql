-- migrate:up

-- How each answer came about, and what is known of each model. Every column may be left out, so
-- that rows written with the tables as they were asked for stay valid.

ALTER TABLE images
    ADD COLUMN sha256 bytea CHECK (octet_length(sha256) = 32),
    ADD COLUMN width integer CHECK (width > 0),
    ADD COLUMN height integer CHECK (height > 0),
    ADD COLUMN source text NOT NULL DEFAULT 'http' CHECK (source IN ('http', 'bucket'));

ALTER TABLE model_versions
    ADD COLUMN state text NOT NULL DEFAULT 'validating'
        CHECK (state IN ('validating', 'ready', 'rejected')),
    ADD COLUMN name varchar(100) NOT NULL DEFAULT '',
    ADD COLUMN digest char(64),
    ADD COLUMN size_bytes bigint,
    ADD COLUMN twin_digest char(64),
    ADD COLUMN manifest jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN report jsonb,
    ADD COLUMN registered_by uuid,
    ADD COLUMN validated_at timestamptz,
    ADD COLUMN activated_at timestamptz,
    -- A validation in progress belongs to one replica until then; afterwards to any other.
    ADD COLUMN lease_until timestamptz,
    ADD COLUMN attempts integer NOT NULL DEFAULT 0,
    ADD CHECK (NOT is_active OR state = 'ready');

CREATE UNIQUE INDEX model_versions_one_active ON model_versions (is_active) WHERE is_active;

ALTER TABLE predictions
    ADD COLUMN user_id uuid REFERENCES users (user_id),
    ADD COLUMN top_k jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN request_id varchar(128),
    ADD COLUMN source text NOT NULL DEFAULT 'http' CHECK (source IN ('http', 'bucket')),
    ADD COLUMN engine text CHECK (engine IN ('litert', 'tensorflow')),
    ADD COLUMN model_digest char(64),
    ADD COLUMN twin_digest char(64),
    ADD COLUMN preprocessing_digest char(64);

UPDATE predictions SET user_id = images.user_id
FROM images WHERE images.image_id = predictions.image_id;

CREATE INDEX predictions_newest ON predictions (user_id, created_at DESC, prediction_id DESC);
CREATE INDEX predictions_of_image ON predictions (image_id);
CREATE INDEX images_of_user ON images (user_id);

-- migrate:down

ALTER TABLE images
    DROP COLUMN sha256, DROP COLUMN width, DROP COLUMN height, DROP COLUMN source;
ALTER TABLE model_versions
    DROP COLUMN state, DROP COLUMN name, DROP COLUMN digest, DROP COLUMN size_bytes,
    DROP COLUMN twin_digest, DROP COLUMN manifest, DROP COLUMN report,
    DROP COLUMN registered_by, DROP COLUMN validated_at, DROP COLUMN activated_at,
    DROP COLUMN lease_until, DROP COLUMN attempts;
DROP INDEX IF EXISTS model_versions_one_active, predictions_newest, predictions_of_image,
    images_of_user;
ALTER TABLE predictions
    DROP COLUMN user_id, DROP COLUMN top_k, DROP COLUMN request_id, DROP COLUMN source,
    DROP COLUMN engine, DROP COLUMN model_digest, DROP COLUMN twin_digest,
    DROP COLUMN preprocessing_digest;
