-- Changes of one member by hand that the front has asked Microsoft Graph for, and whose outcome is not on record yet. What is still
-- here long after it began was left by a front that died, or whose answer never came: it is audited as of unknown outcome.
CREATE TABLE front.member_changes (
  id uuid PRIMARY KEY,
  tenant_id text NOT NULL,
  organization_id uuid NOT NULL,
  group_id uuid NOT NULL,
  member_object_id uuid NOT NULL,
  present boolean NOT NULL,
  actor text NOT NULL,
  begun_at timestamptz NOT NULL DEFAULT now()
);
