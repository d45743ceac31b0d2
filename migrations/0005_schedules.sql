-- Schedules in full: overlap, catch-up, jitter, pauses with a note; the ticks they fired; what operators ask of them; who leads.
ALTER TABLE ops.schedules
    -- What becomes of a due time while the previous tick, or a run it started, is still open.
    ADD overlap          text NOT NULL DEFAULT 'skip' CHECK (overlap IN ('skip', 'buffer_one', 'allow_all')),
    -- A due time missed by more than this is left out.
    ADD catch_up_seconds integer NOT NULL DEFAULT 86400 CHECK (catch_up_seconds >= 10),
    ADD jitter_seconds   integer NOT NULL DEFAULT 0 CHECK (jitter_seconds >= 0),
    -- next_due_at is when the next tick fires, jitter included ('infinity': never again); this is the due time it fires for, null
    -- where both are the same. Of an interval it also carries the phase.
    ADD nominal_due_at   timestamptz,
    -- The one due time that waits for the previous tick to finish.
    ADD buffered_due_at  timestamptz,
    -- The latest tick, whatever started it: last_due_at is its due time.
    ADD last_tick_id     uuid,
    ADD ends_at          timestamptz,
    ADD remaining        integer CHECK (remaining >= 0),
    ADD paused_by        text NOT NULL DEFAULT '',
    ADD paused_at        timestamptz;
CREATE INDEX schedules_worker ON ops.schedules (worker);
CREATE INDEX schedules_buffered ON ops.schedules (buffered_due_at) WHERE buffered_due_at IS NOT NULL;

-- One row for each due time that fired: what makes a second tick for it impossible, whoever tries. Kept for a while after it was served.
CREATE TABLE ops.ticks (
    schedule_id uuid NOT NULL,
    due_at      timestamptz NOT NULL,
    -- Derived from the two: ce_id of the message, ops.runs.tick_id of the runs it started.
    id          uuid NOT NULL,
    cause       text NOT NULL CHECK (cause IN ('clock', 'buffer', 'trigger', 'backfill')),
    fired_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The worker stored every run that the tick stands for.
    served_at   timestamptz,
    -- Not served by then: its message was lost, so it is sent again, ever less often; null once nobody waits for it any more.
    resend_at   timestamptz,
    sends       integer NOT NULL DEFAULT 1,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (schedule_id, due_at)
);
CREATE INDEX ticks_unserved ON ops.ticks (resend_at) WHERE served_at IS NULL AND resend_at IS NOT NULL;
CREATE INDEX ticks_fired ON ops.ticks (fired_at);

ALTER TABLE ops.runs ADD tick_id uuid;
CREATE INDEX runs_of_tick ON ops.runs (tick_id) WHERE tick_id IS NOT NULL AND state IN ('queued', 'running', 'waiting');
CREATE INDEX runs_waiting ON ops.runs (resume_at) WHERE state = 'waiting';

-- What an operator asked for: a tick now, or the due times of a range. The leader carries it out and removes the row with the last tick.
CREATE TABLE ops.schedule_requests (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schedule_id  uuid NOT NULL REFERENCES ops.schedules ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('trigger', 'backfill')),
    overlap      text NOT NULL CHECK (overlap IN ('skip', 'buffer_all', 'allow_all')),
    -- Due times from … to …, both included; from_at moves on as they are fired. A trigger is due at from_at.
    from_at      timestamptz NOT NULL,
    to_at        timestamptz NOT NULL,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now(),
    -- Not looked at before: it waits for the schedule's previous tick.
    look_at      timestamptz NOT NULL DEFAULT now(),
    CHECK (from_at <= to_at)
);
CREATE INDEX schedule_requests_due ON ops.schedule_requests (look_at, id);
CREATE INDEX schedule_requests_schedule ON ops.schedule_requests (schedule_id);

-- Who does what only one may do. `fencing` grows with every change of hands: a write that names an old number is refused. It is part of
-- a key on purpose: then FOR KEY SHARE holds off the next holder but not the present one's renewals.
CREATE TABLE ops.leases (
    name       text PRIMARY KEY,
    holder     text NOT NULL,
    expires_at timestamptz NOT NULL,
    fencing    bigint NOT NULL,
    UNIQUE (name, fencing)
);

-- The transaction that wrote a row, so that the sweep can tell rows that have long been visible from those just committed by a slow
-- transaction, which their writer is about to publish.
ALTER TABLE ops.outbox ADD xid xid8 NOT NULL DEFAULT pg_current_xact_id();
