-- Subscriptions to change notifications at Microsoft Graph, as token-renewal keeps them.
CREATE TABLE sync.subscriptions (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id         text NOT NULL,
    -- Graph's id; null from before it is asked until its answer is stored: whoever dies in between finds what Graph made by listing.
    subscription_id   uuid UNIQUE,
    resource          text NOT NULL,
    change_types      text NOT NULL,
    notification_url  text NOT NULL,
    -- SHA-256 of tenant and clientState, to tell that the secret was changed: Graph does not give it back, and it stands nowhere.
    client_state_hash text NOT NULL,
    -- creating: Graph is asked for it, or would not give it; active: it notifies us.
    state             text NOT NULL CHECK (state IN ('creating', 'active')),
    expires_at        timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now(),
    renewed_at        timestamptz,
    -- Why it could not be created or renewed the last time: a reason code.
    failure           text,
    CHECK ((state = 'creating') = (subscription_id IS NULL))
);
CREATE UNIQUE INDEX subscriptions_creating ON sync.subscriptions (tenant_id, resource) WHERE state = 'creating';

-- One run at a time sees to a tenant's subscriptions: Graph does not always refuse a second one of the same kind.
CREATE TABLE sync.subscription_turns (
    tenant_id text PRIMARY KEY,
    run_id    uuid NOT NULL,
    -- A run that died lets go by time.
    until     timestamptz NOT NULL
);
