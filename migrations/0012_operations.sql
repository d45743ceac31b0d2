-- What operators look at and what Microsoft Graph tells the front.
CREATE SCHEMA advisor;

-- Something an operator should look at. The scan opens, updates and resolves them; people acknowledge and dismiss.
CREATE TABLE advisor.findings (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id          text NOT NULL,
    -- Null: about the tenant as a whole.
    organization_id    uuid REFERENCES directory.organizations ON DELETE CASCADE,
    -- Which rule found it: stable, lower case.
    rule               text NOT NULL,
    pillar             text NOT NULL CHECK (pillar ~ '^[a-z][a-z_]*$'),
    severity           text NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    state              text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'acknowledged', 'dismissed', 'resolved')),
    title              text NOT NULL,
    -- What it rests on; no personal data beyond object ids.
    evidence           jsonb NOT NULL DEFAULT '{}',
    -- What to do about it.
    remedy             text NOT NULL DEFAULT '',
    opened_at          timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    resolved_at        timestamptz CHECK ((resolved_at IS NOT NULL) = (state = 'resolved')),
    -- Of whoever acknowledged or dismissed it last; after acknowledged_until it counts as open again.
    acknowledged_by    text,
    acknowledged_at    timestamptz,
    acknowledged_why   text,
    acknowledged_until timestamptz
);
CREATE INDEX findings_opened ON advisor.findings (tenant_id, opened_at DESC, id DESC);
CREATE INDEX findings_organization ON advisor.findings (organization_id, opened_at DESC, id DESC);

-- Lifecycle notifications of Graph subscriptions that nobody has acted on yet, the last of each kind. Whoever renews
-- subscriptions deletes a row once that is done: reauthorizationRequired – one PATCH with a new expiry;
-- subscriptionRemoved – a new subscription, and a full sync of what it covered; missed – a full sync likewise, where
-- the notification named no group (those that did were synced at once).
CREATE TABLE sync.subscription_notices (
    subscription_id uuid NOT NULL,
    event           text NOT NULL CHECK (event IN ('reauthorizationRequired', 'subscriptionRemoved', 'missed')),
    tenant_id       text NOT NULL,
    -- When the subscription ends by what the notification says; null where it does not.
    expires_at      timestamptz,
    received_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subscription_id, event)
);
