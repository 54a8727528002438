-- migrate:up

-- What people say of answers. It goes with its prediction, and so with picture and user.
CREATE TABLE feedback (
    prediction_id uuid PRIMARY KEY REFERENCES predictions (prediction_id) ON DELETE CASCADE,
    -- The right class: the predicted one confirms the answer, any other corrects it.
    label varchar(255) NOT NULL CHECK (label <> ''),
    comment varchar(2000),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- The classes of a version, by which labels are checked; null where nobody noted them.
ALTER TABLE model_versions ADD COLUMN labels text[];

-- Mean luma of what the model saw of the picture, 0 black to 1 white; null where nobody noted it.
-- Not valid: rows that are there already have none, and need not be read to know it.
ALTER TABLE images
    ADD COLUMN brightness real,
    ADD CONSTRAINT images_brightness_check CHECK (brightness BETWEEN 0 AND 1) NOT VALID;

-- How far the most probable class is ahead of the next one; null where none was recorded. Without
-- a next one all that is left to 1 could be that of a single other class.
CREATE OR REPLACE FUNCTION prediction_margin(top_k jsonb) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN jsonb_typeof(top_k #> '{0,confidence}') = 'number' THEN
        (top_k #>> '{0,confidence}')::double precision
        - CASE WHEN jsonb_typeof(top_k #> '{1,confidence}') = 'number'
            THEN (top_k #>> '{1,confidence}')::double precision
            ELSE least(
                (top_k #>> '{0,confidence}')::double precision,
                1 - (top_k #>> '{0,confidence}')::double precision)
        END
    END
$$;

-- The least certain predictions of a user. On a large database function and index are better made
-- beforehand, the index CONCURRENTLY: then it is there already.
CREATE INDEX IF NOT EXISTS predictions_uncertain
    ON predictions (user_id, prediction_margin(top_k), prediction_id);

-- migrate:down

DROP INDEX predictions_uncertain;
DROP FUNCTION prediction_margin;
ALTER TABLE images DROP COLUMN brightness;
ALTER TABLE model_versions DROP COLUMN labels;
DROP TABLE feedback;
