-- Calls of agents (Copilot's actions, MCP's tools) stand in ops.runs from before anything happens; no worker ever has to do with them.
ALTER TABLE ops.runs
    -- job: what a worker carries out. call: what an agent asked for, and what came of it; `worker` says through what it came.
    ADD COLUMN kind text NOT NULL DEFAULT 'job' CHECK (kind IN ('job', 'call')),
    DROP CONSTRAINT runs_state_check,
    ADD CONSTRAINT runs_state_check CHECK (CASE kind
        WHEN 'job' THEN state IN ('queued', 'running', 'waiting', 'needs_approval', 'succeeded', 'failed', 'cancelled')
        ELSE state IN ('pending', 'succeeded', 'failed') END);

-- There may be many more calls than jobs: neither is in the way of who looks for the other.
DROP INDEX ops.runs_created;
CREATE INDEX runs_created ON ops.runs (created_at, id) WHERE kind = 'job';
CREATE INDEX calls_created ON ops.runs (created_at, id) WHERE kind = 'call';
DROP INDEX ops.runs_caller;
CREATE INDEX runs_caller ON ops.runs (caller_identity, created_at DESC) WHERE kind = 'job' AND caller_identity LIKE '%/%';
CREATE INDEX calls_caller ON ops.runs (caller_identity, created_at DESC) WHERE kind = 'call' AND caller_identity LIKE '%/%';
-- Few: those that are being carried out, and those whose front died.
CREATE INDEX calls_pending ON ops.runs (created_at) WHERE state = 'pending';
