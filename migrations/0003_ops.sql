-- Runs, what they publish, and what starts them by the clock.
CREATE SCHEMA ops;

CREATE TABLE ops.runs (
    id                uuid PRIMARY KEY,
    tenant_id         text NOT NULL DEFAULT '',
    organization_id   uuid,
    worker            text NOT NULL,
    operation         text NOT NULL,
    state             text NOT NULL CHECK (state IN
        ('queued', 'running', 'waiting', 'needs_approval', 'succeeded', 'failed', 'cancelled')),
    -- Who asked: 'cli', 'schedule:<name>', or the caller's tid and oid.
    caller_identity   text NOT NULL DEFAULT '',
    parameters        jsonb NOT NULL DEFAULT '{}',
    -- SHA-256 of the sanitized parameters, hex.
    parameters_hash   text NOT NULL DEFAULT '',
    traceparent       text NOT NULL DEFAULT '',
    attempt           integer NOT NULL DEFAULT 0,
    -- The claim: only its holder may settle or checkpoint. A newer claim outdates an older one.
    claim             uuid,
    claimed_by        text,
    heartbeat_at      timestamptz,
    resume_at         timestamptz,
    cancel_requested  boolean NOT NULL DEFAULT false,
    -- Approval names the digest of the plan it was given for, and expires.
    approved_digest   text,
    approved_by       text,
    approval_expires_at timestamptz,
    progress          jsonb,
    result            jsonb,
    -- Stable reason code of what went wrong or what is waited for, with the sentence that explains it.
    error_code        text,
    error_message     text,
    outcome           text,
    duration_ms       bigint,
    created_at        timestamptz NOT NULL DEFAULT now(),
    queued_at         timestamptz NOT NULL DEFAULT now(),
    started_at        timestamptz,
    finished_at       timestamptz
);
CREATE INDEX runs_open ON ops.runs (state, queued_at) WHERE state IN ('queued', 'running', 'waiting', 'needs_approval');
CREATE INDEX runs_organization ON ops.runs (organization_id, created_at DESC);
CREATE INDEX runs_created ON ops.runs (created_at DESC, id);

CREATE TABLE ops.run_events (
    run_id uuid NOT NULL REFERENCES ops.runs ON DELETE CASCADE,
    seq    bigint GENERATED ALWAYS AS IDENTITY,
    at     timestamptz NOT NULL DEFAULT now(),
    -- The state entered, or 'attempt_failed', 'approved', 'rejected'.
    event  text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (run_id, seq)
);

-- What a transaction wants published. The writer publishes right after its commit and deletes the row; the scheduler
-- sweeps what is left (FOR UPDATE SKIP LOCKED, delete after publish: a slow transaction's rows cannot be skipped).
CREATE TABLE ops.outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic      text NOT NULL,
    key        text NOT NULL,
    -- {"ce_type": "…", …}
    headers    jsonb NOT NULL,
    payload    text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_created ON ops.outbox (created_at);

CREATE TABLE ops.schedules (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name             text NOT NULL UNIQUE,
    worker           text NOT NULL,
    operation        text NOT NULL,
    parameters       jsonb NOT NULL DEFAULT '{}',
    -- Exactly one of the two.
    cron             text,
    interval_seconds integer CHECK (interval_seconds > 0),
    time_zone        text NOT NULL DEFAULT 'UTC',
    paused           boolean NOT NULL DEFAULT false,
    pause_note       text NOT NULL DEFAULT '',
    next_due_at      timestamptz NOT NULL,
    last_due_at      timestamptz,
    created_at       timestamptz NOT NULL DEFAULT now(),
    CHECK ((cron IS NULL) <> (interval_seconds IS NULL))
);
CREATE INDEX schedules_due ON ops.schedules (next_due_at) WHERE NOT paused;
