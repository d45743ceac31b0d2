-- A run that is claimed off a topic and settled moments later is written twice. As long as no index looks at what the second writing
-- changes, PostgreSQL keeps both versions on one page and touches no index for it (a heap-only update). So the indexes do not look
-- at `state` but at `open_state`, which such a run never has.
ALTER TABLE ops.runs
    -- The state while a run is open, as the indexes find it by. Null for what has ended, and for what a worker has just inserted
    -- as running: until its first heartbeat, some seconds later, that is found through ops.claim_blocks.
    ADD COLUMN open_state text GENERATED ALWAYS AS (CASE
        WHEN state IN ('queued', 'waiting', 'needs_approval', 'pending') THEN state
        WHEN state = 'running' AND heartbeat_at IS NOT NULL THEN state END) STORED,
    -- Room on the page for the second version.
    SET (fillfactor = 45);

DROP INDEX ops.runs_open, ops.runs_open_organization, ops.runs_waiting, ops.runs_joined, ops.runs_debounced, ops.runs_of_tick,
    ops.calls_pending;
CREATE INDEX runs_open ON ops.runs (open_state, queued_at) WHERE open_state IS NOT NULL;
CREATE INDEX runs_open_organization ON ops.runs (organization_id, worker) WHERE open_state IS NOT NULL;
CREATE INDEX runs_waiting ON ops.runs (resume_at) WHERE open_state = 'waiting';
CREATE INDEX runs_joined ON ops.runs (joined_to) WHERE joined_to IS NOT NULL AND open_state = 'waiting';
CREATE UNIQUE INDEX runs_debounced ON ops.runs (organization_id, worker, operation, parameters_hash)
    WHERE open_state = 'waiting' AND error_code = 'debounced';
CREATE INDEX runs_of_tick ON ops.runs (tick_id) WHERE tick_id IS NOT NULL AND open_state IN ('queued', 'running', 'waiting');
CREATE INDEX calls_pending ON ops.runs (created_at) WHERE open_state = 'pending';

-- What a worker inserted as running with one statement. The row goes once each of its runs has had a heartbeat or has ended; those
-- of a worker that died meanwhile are sent again from here.
CREATE TABLE ops.claim_blocks (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    claimed_by text NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now(),
    run_ids    uuid[] NOT NULL
);
-- Random bytes: not worth an attempt.
ALTER TABLE ops.claim_blocks ALTER COLUMN run_ids SET STORAGE EXTERNAL;

-- Every open run, for questions like "has this organization one?"
CREATE VIEW ops.open_runs AS
    SELECT r.id, r.organization_id, r.worker, r.operation, r.state FROM ops.runs r WHERE r.open_state IS NOT NULL
    UNION ALL
    SELECT r.id, r.organization_id, r.worker, r.operation, r.state
    FROM ops.claim_blocks b CROSS JOIN LATERAL unnest(b.run_ids) AS u(id) JOIN ops.runs r ON r.id = u.id
    WHERE r.state = 'running' AND r.heartbeat_at IS NULL;
