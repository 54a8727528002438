-- migrate:up

-- Requests that may be sent again: a key of the client's, and the prediction that answers it. The
-- rows are forgotten after a day.
CREATE TABLE idempotency_keys (
    -- Who sent the key; it need not be the picture's owner, nor have sent anything before.
    user_id uuid NOT NULL,
    -- SHA-256 of the key, which may be any text.
    key_digest bytea NOT NULL CHECK (octet_length(key_digest) = 32),
    -- SHA-256 of the request; null once its picture was erased.
    request_digest bytea CHECK (octet_length(request_digest) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Who works on it until when; a request that died is taken over afterwards.
    lease_token uuid,
    lease_until timestamptz NOT NULL,
    -- The answer, written by the transaction that records the prediction; all zeros once that was
    -- erased.
    prediction_id uuid,
    PRIMARY KEY (user_id, key_digest)
);

CREATE INDEX idempotency_keys_oldest ON idempotency_keys (created_at);

-- What was erased, or is about to be: nothing is kept of it but its id.
CREATE TABLE erasures (
    erasure_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind text NOT NULL CHECK (kind IN ('image', 'user')),
    -- The picture's id or the user's.
    subject_id uuid NOT NULL,
    -- Who may hear that this picture was erased; null once that user was erased too.
    owner_id uuid,
    requested_at timestamptz NOT NULL DEFAULT now(),
    -- When it may be claimed: a claim is a lease until then.
    due_at timestamptz NOT NULL,
    lease_token uuid,
    attempts integer NOT NULL DEFAULT 0,
    -- Why the last attempt to remove the objects failed.
    reason text,
    finished_at timestamptz
);

CREATE INDEX erasures_of_subject ON erasures (subject_id, requested_at DESC);
CREATE INDEX erasures_unfinished ON erasures (due_at) WHERE finished_at IS NULL;

-- Objects that nothing else names any more and that are still to be removed.
CREATE TABLE objects_to_remove (
    erasure_id uuid NOT NULL REFERENCES erasures (erasure_id) ON DELETE CASCADE,
    object_key varchar(1024) NOT NULL,
    -- Empty: whatever lies there. Otherwise only what has this ETag, as it did when it was read.
    etag varchar(128) NOT NULL DEFAULT '',
    -- Until then somebody may still be about to write it.
    due_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (erasure_id, object_key, etag)
);

CREATE INDEX objects_to_remove_by_key ON objects_to_remove (object_key);

-- Let nothing be stored for a request that began so many seconds before this transaction if its
-- user was erased since. A query of its own within the statement sees what was committed while
-- that waited for the user's row.
CREATE FUNCTION refuse_if_erased(user_id uuid, seconds double precision)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM erasures
        WHERE kind = 'user' AND subject_id = $1
            AND requested_at > now() - make_interval(secs => $2)
    ) THEN
        RAISE EXCEPTION 'the user was erased' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END
$$;

-- erased: the picture or its user was erased, and nothing is left of the event but its id.
ALTER TABLE storage_events
    DROP CONSTRAINT storage_events_state_check,
    ADD CONSTRAINT storage_events_state_check
        CHECK (state IN ('pending', 'classified', 'done', 'superseded', 'dead', 'erased')),
    ADD CONSTRAINT storage_events_erased_check
        CHECK (state <> 'erased' OR user_id IS NULL);

-- The audit log is read by actor, action and subject, newest first.
CREATE INDEX audit_log_of_actor ON audit_log (actor, audit_id);
CREATE INDEX audit_log_of_action ON audit_log (action, audit_id);
CREATE INDEX audit_log_of_subject ON audit_log (subject, audit_id);

-- migrate:down

DROP INDEX audit_log_of_actor, audit_log_of_action, audit_log_of_subject;
DELETE FROM storage_events WHERE state = 'erased';
ALTER TABLE storage_events
    DROP CONSTRAINT storage_events_erased_check,
    DROP CONSTRAINT storage_events_state_check,
    ADD CONSTRAINT storage_events_state_check
        CHECK (state IN ('pending', 'classified', 'done', 'superseded', 'dead'));
DROP FUNCTION refuse_if_erased;
DROP TABLE objects_to_remove, erasures, idempotency_keys;
