-- migrate:up

-- Pictures put straight into the bucket: what was announced of them and what became of it.
CREATE TABLE storage_events (
    -- A classified event's picture has the same id, so that an event has one picture at most.
    event_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    -- Which object was written, and which writing of it: what the server does not tell is empty.
    -- A sequencer orders the writings of one key; a sweep puts the time of writing in its place.
    bucket varchar(63) NOT NULL,
    object_key varchar(1024) NOT NULL,
    version_id varchar(128) NOT NULL DEFAULT '',
    etag varchar(128) NOT NULL DEFAULT '',
    sequencer varchar(64) NOT NULL DEFAULT '',
    size_bytes bigint,
    written_at timestamptz,
    announced_by text NOT NULL CHECK (announced_by IN ('notification', 'sweep')),
    -- Whose prefix the key is in; null where it is nobody's.
    user_id uuid,
    -- pending: to be classified, or being so. classified: the rows are written, and the upload is
    -- to be removed. done: nothing is left to do. superseded: the object was classified with
    -- another event, or overwritten before it was read. dead: given up, for `fault`.
    state text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'classified', 'done', 'superseded', 'dead')),
    fault text
        CHECK (fault IN ('gone', 'not_a_picture', 'too_large', 'unknown_user', 'exhausted')),
    -- Why it is dead or, while it is pending, why the last attempt failed.
    reason text,
    -- Name or media type say that it is no picture: such events are taken last.
    unlikely boolean NOT NULL DEFAULT false,
    attempts integer NOT NULL DEFAULT 0,
    -- When it may be claimed: a claim is a lease until then.
    due_at timestamptz NOT NULL DEFAULT now(),
    lease_token uuid,
    -- ETag, and Last-Modified to the second, of the object that was read.
    object_etag varchar(128),
    object_modified timestamptz,
    prediction_id uuid,
    received_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    -- When the upload of a classified picture was removed.
    removed_at timestamptz,
    CHECK ((state = 'dead') = (fault IS NOT NULL))
);

-- An event that is repeated changes nothing; nor does one of an object that is being dealt with.
CREATE UNIQUE INDEX storage_events_once
    ON storage_events (bucket, object_key, version_id, etag, sequencer);
CREATE UNIQUE INDEX storage_events_one_open ON storage_events (bucket, object_key, etag)
    WHERE state IN ('pending', 'classified');
CREATE INDEX storage_events_oldest ON storage_events (unlikely, received_at)
    WHERE state IN ('pending', 'classified');
CREATE INDEX storage_events_newest ON storage_events (unlikely, received_at DESC)
    WHERE state IN ('pending', 'classified');
CREATE INDEX storage_events_listed ON storage_events (state, received_at DESC, event_id DESC);

-- Uploads that were allowed in advance, by a presigned POST.
CREATE TABLE uploads (
    upload_id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (user_id),
    object_key varchar(1024) NOT NULL UNIQUE,
    filename varchar(255) NOT NULL,
    content_type varchar(100) NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

CREATE INDEX uploads_of_user ON uploads (user_id);

-- A picture whose object is not in the bucket, since it was first missed.
ALTER TABLE images ADD COLUMN missing_since timestamptz;

-- Keys are compared with a listing of the bucket, which is in the order of their bytes.
CREATE INDEX images_in_key_order ON images ((object_key COLLATE "C"));

-- Who is told of finished classifications, beside the sink of the deployment.
CREATE TABLE webhooks (
    webhook_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    url text NOT NULL,
    -- The key of the signatures; whoever reads it can forge them.
    secret text NOT NULL,
    event_types text[] NOT NULL CHECK (cardinality(event_types) > 0),
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Receivers that failed and have taken nothing since.
CREATE TABLE failing_receivers (
    -- Null: the sink of the deployment, whose receiver_id is all zeros.
    webhook_id uuid REFERENCES webhooks (webhook_id) ON DELETE CASCADE,
    receiver_id uuid PRIMARY KEY GENERATED ALWAYS AS (
        coalesce(webhook_id, '00000000-0000-0000-0000-000000000000')) STORED,
    failures integer NOT NULL DEFAULT 1,
    -- When the last one was, and why.
    failed_at timestamptz NOT NULL DEFAULT now(),
    reason text NOT NULL,
    -- Nothing is sent to it before.
    paused_until timestamptz NOT NULL
);

-- What is to be told to whom; a row is removed once it was delivered.
CREATE TABLE outbox (
    delivery_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    -- Null: the sink of the deployment, whose receiver_id is all zeros.
    webhook_id uuid REFERENCES webhooks (webhook_id) ON DELETE CASCADE,
    receiver_id uuid NOT NULL GENERATED ALWAYS AS (
        coalesce(webhook_id, '00000000-0000-0000-0000-000000000000')) STORED,
    -- The same for all who are told.
    event_id uuid NOT NULL,
    event_type text NOT NULL,
    subject text NOT NULL,
    data jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'dead')),
    -- Why the last attempt failed.
    reason text,
    attempts integer NOT NULL DEFAULT 0,
    -- When it may be claimed: a claim is a lease until then. Of a dead one, when it was given up.
    due_at timestamptz NOT NULL DEFAULT now(),
    lease_token uuid
);

CREATE INDEX outbox_due ON outbox (receiver_id, due_at) WHERE state = 'pending';
CREATE INDEX outbox_listed ON outbox (receiver_id, state, created_at DESC, delivery_id DESC);
CREATE INDEX outbox_of_webhook ON outbox (webhook_id);

-- Have everybody told who wants to be, and the sink if there is one, once this is committed.
-- A webhook that is being removed meanwhile is waited for: it must not fail the transaction.
CREATE FUNCTION publish_event(event_type text, subject text, data jsonb, has_sink boolean)
RETURNS void LANGUAGE sql AS $$
    WITH event AS (SELECT gen_random_uuid() AS id),
    interested AS (SELECT webhook_id FROM webhooks WHERE $1 = ANY (event_types) FOR KEY SHARE)
    INSERT INTO outbox (webhook_id, event_id, event_type, subject, data)
    SELECT receiver.webhook_id, event.id, $1, $2, $3
    FROM event,
        (SELECT webhook_id FROM interested UNION ALL SELECT NULL WHERE $4) AS receiver
$$;

-- migrate:down

DROP FUNCTION publish_event;
DROP TABLE outbox, failing_receivers, webhooks, uploads, storage_events;
DROP INDEX images_in_key_order;
ALTER TABLE images DROP COLUMN missing_since;
