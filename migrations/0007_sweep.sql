-- Sweeps ask Microsoft Graph once for up to 50 groups what changed; roster events wait a little for more of their kind.

-- Groups that are watched together: one delta link each, whose filter names the groups and cannot be changed.
CREATE TABLE sync.packs (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id     text NOT NULL,
    -- Opaque URL from Graph; null where a new one is wanted.
    delta_link    text,
    delta_link_at timestamptz,
    -- The tick that read it last: a sweep that was interrupted goes on behind it.
    swept_for     uuid
);
CREATE INDEX packs_tenant ON sync.packs (tenant_id);

CREATE TABLE sync.pack_groups (
    organization_id uuid PRIMARY KEY REFERENCES directory.organizations ON DELETE CASCADE,
    pack_id         bigint NOT NULL REFERENCES sync.packs ON DELETE CASCADE,
    group_id        uuid NOT NULL,
    -- Whether the filter of the pack's delta link names this group.
    watched         boolean NOT NULL DEFAULT false,
    -- Why the group must be looked at: it changed, or could have changed while no link watched it. Set in one
    -- transaction with the delta link that is behind it; removed by a run that read the group after marked_at.
    mark            text CHECK (mark IN ('changed', 'unwatched')),
    marked_at       timestamptz CHECK ((mark IS NULL) = (marked_at IS NULL))
);
CREATE INDEX pack_groups_pack ON sync.pack_groups (pack_id);

-- When the last run that came to its end began to read: what changed later, it has not seen.
ALTER TABLE sync.groups ADD COLUMN read_at timestamptz;

-- One run per organization waits for more events. The index, not a look beforehand, keeps it to one.
CREATE UNIQUE INDEX runs_debounced ON ops.runs (organization_id, worker, operation, parameters_hash)
    WHERE state = 'waiting' AND error_code = 'debounced';
