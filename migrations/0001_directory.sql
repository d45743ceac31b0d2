-- Who should be in which group: the organization's own roster, as the platform last told it.
CREATE SCHEMA directory;

CREATE TABLE directory.organizations (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id       text NOT NULL,
    name            text NOT NULL CHECK (name <> '' AND length(name) <= 256),
    microsoft_group uuid,
    -- keep: only flag; remove-departed: only people once on the roster; mirror: the roster is the whole truth.
    removal_policy  text NOT NULL DEFAULT 'keep' CHECK (removal_policy IN ('keep', 'remove-departed', 'mirror')),
    -- Overrides of the default guards, by guard name; see workers/member_sync/core/guards.h.
    guards          jsonb NOT NULL DEFAULT '{}',
    roster_version  bigint NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);

-- One group belongs to one organization: two rosters for one group would undo each other for ever.
CREATE UNIQUE INDEX organizations_microsoft_group ON directory.organizations (tenant_id, microsoft_group)
    WHERE microsoft_group IS NOT NULL;
CREATE INDEX organizations_name ON directory.organizations (lower(name));

CREATE TABLE directory.members (
    organization_id uuid NOT NULL REFERENCES directory.organizations ON DELETE CASCADE,
    -- Lower case: addresses are compared without regard to case.
    email           text NOT NULL CHECK (email = lower(email)),
    display_name    text NOT NULL DEFAULT '',
    role            text NOT NULL DEFAULT 'member',
    -- The Entra object id where the roster itself names it; otherwise sync.identities resolves the address.
    object_id       uuid,
    joined_at       timestamptz NOT NULL DEFAULT now(),
    -- Set when a later roster no longer names this person. The row stays: 'remove-departed' needs to know.
    departed_at     timestamptz,
    PRIMARY KEY (organization_id, email)
);
