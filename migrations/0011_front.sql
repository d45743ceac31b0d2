-- What the front keeps of its own.
CREATE SCHEMA front;

-- A POST with an Idempotency-Key is answered once; whoever sends it again gets the same answer.
CREATE TABLE front.idempotency_keys (
    -- "<tid>/<oid>" of the caller: keys of two callers never meet.
    principal    text NOT NULL,
    operation    text NOT NULL,
    key          text NOT NULL,
    -- SHA-256 over path and body: the same key for another request is a mistake of the caller.
    fingerprint  text NOT NULL,
    -- Names what the request makes, so that a repetition after a crash makes it once.
    intent       uuid NOT NULL,
    -- Whoever answers it holds the row until then; a front that died lets go by time.
    locked_until timestamptz NOT NULL,
    status       integer,
    headers      jsonb,
    body         text,
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (principal, operation, key)
);
CREATE INDEX idempotency_keys_expires ON front.idempotency_keys (expires_at);

-- Who is on which roster, by Entra object id: what the roster says itself goes before what an address resolved to.
CREATE INDEX members_object ON directory.members (object_id) WHERE object_id IS NOT NULL;
CREATE INDEX members_email ON directory.members (email) WHERE object_id IS NULL;
CREATE INDEX identities_object ON sync.identities (object_id) WHERE object_id IS NOT NULL;
CREATE VIEW directory.known_members AS
    SELECT m.organization_id, o.tenant_id, m.object_id, m.role
      FROM directory.members m JOIN directory.organizations o ON o.id = m.organization_id
     WHERE m.departed_at IS NULL AND m.object_id IS NOT NULL
    UNION ALL
    SELECT m.organization_id, o.tenant_id, i.object_id, m.role
      FROM sync.identities i
      JOIN directory.members m ON m.email = i.address AND m.object_id IS NULL AND m.departed_at IS NULL
      JOIN directory.organizations o ON o.id = m.organization_id AND o.tenant_id = i.tenant_id
     WHERE i.object_id IS NOT NULL;

-- The jobs that a caller asked for; what schedules and the command line ask for has no '/' and costs nothing here.
CREATE INDEX runs_caller ON ops.runs (caller_identity, created_at DESC) WHERE caller_identity LIKE '%/%';
