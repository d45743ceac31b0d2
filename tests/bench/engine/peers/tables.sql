-- What the peers write to: a run's row and an audit row, as small as the same facts allow.
CREATE SCHEMA bench;
CREATE TABLE bench.runs (
    id              uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    operation       text NOT NULL,
    state           text NOT NULL,
    result          jsonb,
    created_at      timestamptz NOT NULL DEFAULT now(),
    finished_at     timestamptz
);
CREATE TABLE bench.audit (
    run_id          uuid NOT NULL,
    action          text NOT NULL,
    organization_id uuid NOT NULL,
    detail          jsonb NOT NULL DEFAULT '{}',
    at              timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, action)
);
