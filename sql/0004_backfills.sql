-- migrate:up

-- Stored pictures classified again with a chosen version; the old predictions stay.

CREATE TABLE backfills (
    backfill_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    model_version varchar(50) NOT NULL REFERENCES model_versions (version),
    filter jsonb NOT NULL,
    pictures_per_second double precision NOT NULL CHECK (pictures_per_second > 0),
    state text NOT NULL DEFAULT 'running'
        CHECK (state IN ('running', 'done', 'failed', 'cancelled')),
    -- Why it failed or, while it runs, what it waits for.
    problem text,
    total bigint NOT NULL,
    classified bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    -- Pictures are taken in the order of their ids; the last one finished.
    after_image uuid,
    -- A backfill in progress belongs to the worker that knows the token, until another claims it
    -- once the lease has run out.
    lease_token uuid,
    lease_until timestamptz,
    -- How often a worker has begun on pictures since the last one was finished.
    attempts integer NOT NULL DEFAULT 0,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);

CREATE INDEX backfills_newest ON backfills (created_at DESC);

-- Why pictures could not be classified: the first of each backfill. A picture may be deleted.
CREATE TABLE backfill_failures (
    backfill_id uuid NOT NULL REFERENCES backfills (backfill_id) ON DELETE CASCADE,
    image_id uuid NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (backfill_id, image_id)
);

ALTER TABLE predictions
    ADD COLUMN backfill_id uuid REFERENCES backfills (backfill_id),
    DROP CONSTRAINT predictions_source_check,
    ADD CONSTRAINT predictions_source_check CHECK (source IN ('http', 'bucket', 'backfill')),
    ADD CONSTRAINT predictions_backfill_check
        CHECK ((source = 'backfill') = (backfill_id IS NOT NULL));

-- A picture is classified once in a backfill, whatever dies.
CREATE UNIQUE INDEX predictions_once_in_backfill ON predictions (backfill_id, image_id)
    WHERE backfill_id IS NOT NULL;
CREATE INDEX predictions_of_version ON predictions (model_version, image_id);

-- migrate:down

DROP INDEX predictions_of_version;
DELETE FROM predictions WHERE backfill_id IS NOT NULL;
ALTER TABLE predictions
    DROP CONSTRAINT predictions_backfill_check,
    DROP CONSTRAINT predictions_source_check,
    ADD CONSTRAINT predictions_source_check CHECK (source IN ('http', 'bucket')),
    DROP COLUMN backfill_id;
DROP TABLE backfill_failures, backfills;
