-- What the sync knows of Microsoft 365: who an address is, who is in a group, what was planned and how far it got.
CREATE SCHEMA sync;

CREATE TABLE sync.identities (
    tenant_id   text NOT NULL,
    address     text NOT NULL CHECK (address = lower(address)),
    -- resolved: exactly one account; ambiguous: several; absent: none.
    state       text NOT NULL CHECK (state IN ('resolved', 'ambiguous', 'absent')),
    object_id   uuid CHECK ((state = 'resolved') = (object_id IS NOT NULL)),
    resolved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, address)
);

-- The mirror of a group: its members as of delta_link. Recent writes of ours lie over it, in sync.recent_writes.
CREATE TABLE sync.groups (
    organization_id uuid PRIMARY KEY REFERENCES directory.organizations ON DELETE CASCADE,
    group_id        uuid NOT NULL,
    display_name    text NOT NULL DEFAULT '',
    -- Opaque URL from Graph; null where only a full read will do.
    delta_link      text,
    delta_link_at   timestamptz,
    full_read_at    timestamptz NOT NULL,
    roster_version  bigint NOT NULL DEFAULT 0,
    member_count    integer NOT NULL DEFAULT 0,
    synced_at       timestamptz
);

CREATE TABLE sync.group_members (
    organization_id uuid NOT NULL REFERENCES sync.groups ON DELETE CASCADE,
    object_id       uuid NOT NULL,
    PRIMARY KEY (organization_id, object_id)
);

-- Microsoft Graph is eventually consistent: a read soon after a write may miss it. Until the hold-off is over,
-- what we wrote ourselves is believed rather than what a listing says.
CREATE TABLE sync.recent_writes (
    organization_id uuid NOT NULL REFERENCES directory.organizations ON DELETE CASCADE,
    object_id       uuid NOT NULL,
    present         boolean NOT NULL,
    written_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organization_id, object_id)
);

-- A plan is a document: stored before the first write, so that a killed worker resumes exactly it.
CREATE TABLE sync.plans (
    run_id          uuid PRIMARY KEY,
    organization_id uuid NOT NULL,
    group_id        uuid NOT NULL,
    digest          text NOT NULL,
    document        jsonb NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX plans_organization ON sync.plans (organization_id, created_at DESC);

-- Which changes of a plan are finished, in blocks, as they finish; removed when the run settles.
CREATE TABLE sync.checkpoints (
    run_id  uuid NOT NULL REFERENCES sync.plans ON DELETE CASCADE,
    seq     bigint GENERATED ALWAYS AS IDENTITY,
    -- [[change index, outcome code], …]
    results jsonb NOT NULL,
    PRIMARY KEY (run_id, seq)
);
