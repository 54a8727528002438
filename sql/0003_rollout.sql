-- migrate:up

-- Which models answer, which only watch, who decided it, and which replica serves what.

ALTER TABLE model_versions
    ADD COLUMN canary_percent smallint NOT NULL DEFAULT 0
        CHECK (canary_percent BETWEEN 0 AND 100),
    ADD COLUMN shadow boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT model_versions_state_check,
    ADD CONSTRAINT model_versions_state_check
        CHECK (state IN ('validating', 'ready', 'rejected', 'deleted')),
    ADD CONSTRAINT model_versions_only_ready_serve
        CHECK (state = 'ready' OR NOT (is_active OR shadow OR canary_percent > 0));

CREATE UNIQUE INDEX model_versions_one_canary ON model_versions ((true)) WHERE canary_percent > 0;
CREATE UNIQUE INDEX model_versions_one_shadow ON model_versions (shadow) WHERE shadow;

-- What a shadow model would have answered; never shown as an answer.
CREATE TABLE shadow_predictions (
    prediction_id uuid NOT NULL REFERENCES predictions (prediction_id) ON DELETE CASCADE,
    model_version varchar(50) NOT NULL REFERENCES model_versions (version),
    predicted_class varchar(255) NOT NULL,
    confidence_score double precision NOT NULL,
    prediction_time_ms integer NOT NULL,
    top_k jsonb NOT NULL,
    engine text NOT NULL CHECK (engine IN ('litert', 'tensorflow')),
    model_digest char(64) NOT NULL,
    twin_digest char(64),
    preprocessing_digest char(64) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (prediction_id, model_version)
);

-- What each running predict process serves; a row goes stale when its process is gone.
CREATE TABLE model_replicas (
    replica_id uuid PRIMARY KEY,
    host varchar(255) NOT NULL,
    serving jsonb NOT NULL,
    problem text,
    seen_at timestamptz NOT NULL DEFAULT now()
);

-- Who did what, when, from where; rows are only ever added.
CREATE TABLE audit_log (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    actor uuid,
    action varchar(100) NOT NULL,
    subject varchar(255) NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    request_id varchar(128),
    remote_address varchar(100)
);

CREATE FUNCTION audit_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_log is append-only';
END
$$;

CREATE TRIGGER audit_log_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
FOR EACH STATEMENT EXECUTE FUNCTION audit_log_is_append_only();

-- migrate:down

DROP TABLE audit_log, model_replicas, shadow_predictions;
DROP FUNCTION audit_log_is_append_only;
DROP INDEX model_versions_one_canary, model_versions_one_shadow;
DELETE FROM model_versions WHERE state = 'deleted';
ALTER TABLE model_versions
    DROP CONSTRAINT model_versions_only_ready_serve,
    DROP CONSTRAINT model_versions_state_check,
    ADD CONSTRAINT model_versions_state_check
        CHECK (state IN ('validating', 'ready', 'rejected')),
    DROP COLUMN canary_percent,
    DROP COLUMN shadow;
