-- Who changed what, once each, for good. No personal data beyond object ids.
CREATE SCHEMA audit;

CREATE TABLE audit.events (
    -- Derived from run and change by the producer, as is occurred_at: a replay carries the same pair, so the primary
    -- key (which must contain the partition column) still lets each event in once.
    event_id         uuid NOT NULL,
    occurred_at      timestamptz NOT NULL,
    tenant_id        text NOT NULL,
    organization_id  uuid,
    group_id         uuid,
    run_id           uuid,
    -- Who asked for it.
    actor            text NOT NULL,
    -- 'member_added', 'member_removed', …
    action           text NOT NULL,
    member_object_id uuid,
    graph_request_id text,
    detail           jsonb NOT NULL DEFAULT '{}',
    recorded_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, occurred_at)
) PARTITION BY RANGE (occurred_at);

CREATE INDEX events_organization ON audit.events (organization_id, occurred_at);
CREATE INDEX events_run ON audit.events (run_id);
CREATE INDEX events_occurred ON audit.events USING brin (occurred_at);

-- Creates the monthly partition that holds `day` where there is none yet; safe when two writers call it at once.
CREATE FUNCTION audit.ensure_partition(day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first date := date_trunc('month', day)::date;
    name  text := 'events_' || to_char(first, 'YYYY_MM');
BEGIN
    IF to_regclass('audit.' || name) IS NOT NULL THEN RETURN; END IF;
    PERFORM pg_advisory_xact_lock(hashtext('audit.ensure_partition'));
    EXECUTE format('CREATE TABLE IF NOT EXISTS audit.%I PARTITION OF audit.events FOR VALUES FROM (%L) TO (%L)',
                   name, first::timestamp AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC');
END $$;

-- The record only grows.
CREATE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit.events is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON audit.events
    FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();
