-- What people allowed Rollcall to do for them at Microsoft 365. Tokens stand here sealed and in no other place; those of the
-- app itself (client credentials) are kept nowhere.
CREATE SCHEMA vault;

-- One person, one connector, one grant.
CREATE TABLE vault.grants (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id     text NOT NULL,
    -- Entra object id.
    person        uuid NOT NULL,
    connector     text NOT NULL CHECK (connector ~ '^[a-z][a-z_]*$'),
    -- connected: tokens are here; reconnect: Entra ID took the grant back, the person must sign in again; disconnected: the
    -- person, or an operator, ended it. Tokens are kept in the first state only.
    state         text NOT NULL CHECK (state IN ('connected', 'reconnect', 'disconnected')),
    -- Why it must be connected again: a reason code.
    reason        text,
    -- May change things, not only read them.
    may_write     boolean NOT NULL DEFAULT false,
    -- What Entra ID says it granted.
    scopes        text[] NOT NULL DEFAULT '{}',
    -- The app that the tokens were issued to: no other can refresh them.
    client_id     text NOT NULL,
    -- Refresh and access token as one JSON text, sealed (common/vault/seal.h) under the key of that id.
    key_id        text,
    sealed        text,
    -- Grows with each change of the tokens: whoever saves names the one it began from, so that a late one changes nothing.
    generation    bigint NOT NULL DEFAULT 1,
    -- Of the access token.
    expires_at    timestamptz,
    refreshed_at  timestamptz,
    -- When renewal is due, or due again after a failure.
    refresh_after timestamptz,
    -- Whoever asks Entra ID for new tokens holds the row until then; one that died lets go by time.
    refreshing_by text,
    lease_until   timestamptz,
    -- In a row; nought once it works again.
    failures      integer NOT NULL DEFAULT 0,
    last_failure  text,
    connected_at  timestamptz NOT NULL DEFAULT now(),
    last_used_at  timestamptz,
    changed_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, person, connector),
    CHECK ((state = 'connected') = (sealed IS NOT NULL)),
    CHECK ((sealed IS NULL) = (key_id IS NULL))
);
CREATE INDEX grants_due ON vault.grants (refresh_after) WHERE state = 'connected';
CREATE INDEX grants_key ON vault.grants (key_id, id) WHERE key_id IS NOT NULL;

-- Links that were made for a person to connect by. The link's secret is not here, only its hash.
CREATE TABLE vault.tickets (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    secret_hash text NOT NULL UNIQUE,
    tenant_id   text NOT NULL,
    person      uuid NOT NULL,
    connector   text NOT NULL,
    may_write   boolean NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    -- Served its purpose: a link connects once.
    used_at     timestamptz
);
CREATE INDEX tickets_person ON vault.tickets (tenant_id, person, connector);
CREATE INDEX tickets_expires ON vault.tickets (expires_at);
