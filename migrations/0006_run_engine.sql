-- What the run engine keeps beside a run's state: what attempts hand to each other, runs that wait for an equal
-- one, who works, and which kinds of worker are paused.
ALTER TABLE ops.runs
    -- What one attempt leaves for the next (what it spent so far, for instance); the handler's own business.
    ADD COLUMN carried   jsonb,
    -- Another run that was asked the same and had not begun: this one takes over its end.
    ADD COLUMN joined_to uuid;
CREATE INDEX runs_joined ON ops.runs (joined_to) WHERE joined_to IS NOT NULL AND state = 'waiting';
-- For joining: is there an equal one that has not begun?
CREATE INDEX runs_open_organization ON ops.runs (organization_id, worker)
    WHERE state IN ('queued', 'running', 'waiting', 'needs_approval');

-- Whoever writes an event holds the run's row; the check cost a query and a lock per event.
ALTER TABLE ops.run_events DROP CONSTRAINT run_events_run_id_fkey;

-- The messages of a transaction stand in one row (at most 500; more are several rows): a checkpoint with 400 audit
-- events is one insert and one delete. [{"topic","key","headers":{},"payload"}]
DELETE FROM ops.outbox;
ALTER TABLE ops.outbox DROP COLUMN topic, DROP COLUMN key, DROP COLUMN headers, DROP COLUMN payload,
    ADD COLUMN messages jsonb NOT NULL;
ALTER TABLE ops.outbox ALTER COLUMN messages SET COMPRESSION lz4;

-- Living processes. A row is renewed every other second, removed at a graceful stop, and forgotten after a day.
CREATE TABLE ops.workers (
    worker     text NOT NULL,
    instance   text NOT NULL,
    version    text NOT NULL DEFAULT '',
    lanes      integer NOT NULL DEFAULT 0,
    busy       integer NOT NULL DEFAULT 0,
    -- Claimed, in a lane or waiting for one.
    in_flight  integer NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (worker, instance)
);

-- A row: workers of this kind claim nothing. What they hold already they finish.
CREATE TABLE ops.worker_pauses (
    worker    text PRIMARY KEY,
    note      text NOT NULL DEFAULT '',
    paused_by text NOT NULL DEFAULT '',
    paused_at timestamptz NOT NULL DEFAULT now()
);
