-- How the linked groups are, as rollcall-group-health saw them last.
CREATE TABLE sync.group_health (
    organization_id  uuid PRIMARY KEY REFERENCES directory.organizations ON DELETE CASCADE,
    tenant_id        text NOT NULL,
    -- The group that was looked at. In state gone, and after an unlinking, it is linked no more, but can be again.
    group_id         uuid NOT NULL,
    state            text NOT NULL CHECK (state IN
        ('healthy', 'ownerless', 'unmanageable', 'soft_deleted', 'gone', 'unreachable')),
    -- Stable reason code, with the sentence that explains it; both empty where the group is healthy.
    reason           text NOT NULL DEFAULT '',
    message          text NOT NULL DEFAULT '',
    -- Since when state and reason are as they are.
    since            timestamptz NOT NULL DEFAULT now(),
    checked_at       timestamptz NOT NULL DEFAULT now(),
    -- The first look that found the group nowhere; null once one finds it. A second one, later, is asked for before the link goes.
    missing_since    timestamptz,
    restorable_until timestamptz,
    -- Null: not known; 20: so many or more.
    owners           integer
);
CREATE INDEX group_health_missing ON sync.group_health (tenant_id) WHERE missing_since IS NOT NULL;
