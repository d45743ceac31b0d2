-- A finding stands once: who finds the same again finds the row that stands, whether it is open, acknowledged or dismissed.
ALTER TABLE advisor.findings
    -- What it is about within the organization or tenant, such as a group's or a schedule's id; empty: that as a whole.
    ADD COLUMN subject text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX findings_standing
    ON advisor.findings (tenant_id, rule, subject, COALESCE(organization_id, '00000000-0000-0000-0000-000000000000'))
    WHERE state <> 'resolved';

-- `administers` is what workers/front/core/access.cpp says of the role.
CREATE OR REPLACE VIEW directory.known_members AS
    SELECT m.organization_id, o.tenant_id, m.object_id, m.role, m.role IN ('admin', 'owner') AS administers
      FROM directory.members m JOIN directory.organizations o ON o.id = m.organization_id
     WHERE m.departed_at IS NULL AND m.object_id IS NOT NULL
    UNION ALL
    SELECT m.organization_id, o.tenant_id, i.object_id, m.role, m.role IN ('admin', 'owner')
      FROM sync.identities i
      JOIN directory.members m ON m.email = i.address AND m.object_id IS NULL AND m.departed_at IS NULL
      JOIN directory.organizations o ON o.id = m.organization_id AND o.tenant_id = i.tenant_id
     WHERE i.object_id IS NOT NULL;
