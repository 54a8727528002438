-- migrate:up

-- Stored pictures classified again with a chosen version; the old predictions stay.

CREATE TABLE backfills (
    backfill_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    model_version varchar(50) NOT NULL REFERENCES model_versions (version),
    filter jsonb NOT NULL,
    pictures_per_second double precision NOT NULL CHECK (pictures_per_second > 0),
    state text NOT NULL DEFAULT 'running'
        CHECK (state IN ('running', 'done', 'failed', 'cancelled')),
    problem text,
    total bigint NOT NULL,
    classified bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    -- Pictures are taken in this order; the last one finished.
    after_image uuid,
    -- A backfill in progress belongs to one replica until then; afterwards to any other.
    lease_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);

ALTER TABLE predictions
    ADD COLUMN backfill_id uuid REFERENCES backfills (backfill_id),
    DROP CONSTRAINT predictions_source_check,
    ADD CONSTRAINT predictions_source_check CHECK (source IN ('http', 'bucket', 'backfill'));

-- A picture is classified once in a backfill, whatever dies.
CREATE UNIQUE INDEX predictions_once_in_backfill ON predictions (backfill_id, image_id)
    WHERE backfill_id IS NOT NULL;
CREATE INDEX predictions_of_version ON predictions (model_version, image_id);

-- migrate:down

DROP INDEX predictions_of_version;
DELETE FROM predictions WHERE backfill_id IS NOT NULL;
ALTER TABLE predictions
    DROP CONSTRAINT predictions_source_check,
    ADD CONSTRAINT predictions_source_check CHECK (source IN ('http', 'bucket')),
    DROP COLUMN backfill_id;
DROP TABLE backfills;
