-- The audit trail as hash chains (ops/docs/adr/0013-audit-chain.md): one chain for each partition of the topic, one seal for
-- each batch, written in the batch's own transaction.

-- Which trail this is: several databases may publish their roots to one topic.
CREATE TABLE audit.trail (
    trail_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    only_one boolean NOT NULL DEFAULT true UNIQUE CHECK (only_one)
);
INSERT INTO audit.trail DEFAULT VALUES;

-- The head of each chain. Whoever writes a batch of its partition holds the row's lock, so a chain cannot fork.
CREATE TABLE audit.chains (
    chain       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic       text NOT NULL,
    partition   integer NOT NULL,
    generation  bigint NOT NULL DEFAULT 1,
    number      bigint NOT NULL DEFAULT 0,
    root        bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex'),
    next_offset bigint NOT NULL DEFAULT 0,
    UNIQUE (topic, partition)
);

CREATE TABLE audit.seals (
    chain        integer NOT NULL,
    number       bigint NOT NULL,
    generation   bigint NOT NULL,
    first_offset bigint NOT NULL,
    next_offset  bigint NOT NULL,
    events       bigint NOT NULL,
    sealed_at    timestamptz NOT NULL,
    previous     bytea NOT NULL,
    root         bytea NOT NULL,
    -- For each event, by id: id (16 bytes), month (2), hash of its content (32).
    manifest     bytea NOT NULL,
    PRIMARY KEY (chain, number)
);
ALTER TABLE audit.seals ALTER COLUMN manifest SET STORAGE EXTERNAL;  -- hashes do not compress
CREATE INDEX seals_sealed ON audit.seals USING brin (sealed_at);

CREATE TABLE audit.erasures (
    erasure_id uuid PRIMARY KEY,
    erased_at  timestamptz NOT NULL DEFAULT now(),
    actor      text NOT NULL,
    reason     text NOT NULL,
    -- Actors and subjects erased; the id of the audit event derives from erasure and count.
    parts      bigint NOT NULL
);

CREATE TABLE audit.dropped_months (
    month      date PRIMARY KEY,
    dropped_at timestamptz NOT NULL DEFAULT now(),
    events     bigint NOT NULL
);

-- What the outbox was given and audit.events is to hold; forgotten once it does. Kafka may lose everything: this says what.
CREATE TABLE audit.expected (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_ids  uuid[] NOT NULL,
    run_ids    uuid[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE audit.events
    ADD COLUMN chain integer,
    ADD COLUMN seal bigint,
    -- Salt of the commitment to who did it; only where that may be a person. After erasure the commitment itself.
    ADD COLUMN actor_salt uuid,
    ADD COLUMN actor_commitment bytea,
    ADD COLUMN actor_erasure uuid,
    -- The same for whom and what it was about (member_object_id, detail).
    ADD COLUMN subject_salt uuid,
    ADD COLUMN subject_commitment bytea,
    ADD COLUMN subject_erasure uuid;
CREATE INDEX events_recorded ON audit.events USING brin (recorded_at);

-- As common/audit/encoding.h.
CREATE FUNCTION audit.field(value text) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN value IS NULL THEN '\x00'::bytea
                ELSE '\x01'::bytea || int4send(octet_length(convert_to(value, 'UTF8'))) || convert_to(value, 'UTF8') END
$$;
CREATE FUNCTION audit.actor_commitment(salt uuid, actor text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(audit.field('actor') || audit.field(salt::text) || audit.field(actor))
$$;
CREATE FUNCTION audit.subject_commitment(salt uuid, member uuid, detail jsonb) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(audit.field('subject') || audit.field(salt::text) || audit.field(member::text)
                  || audit.field(detail::text))
$$;

-- What stands already is adopted as chain 0, in seals of up to 5,000 events.
DROP TRIGGER events_append_only ON audit.events;
UPDATE audit.events e
   SET chain = 0, seal = n.seal,
       actor_salt = CASE WHEN strpos(e.actor, '/') > 0 THEN gen_random_uuid() END,
       subject_salt = CASE WHEN e.member_object_id IS NOT NULL OR e.detail <> '{}' THEN gen_random_uuid() END
  FROM (SELECT event_id, occurred_at, (row_number() OVER (ORDER BY occurred_at, event_id) - 1) / 5000 + 1 AS seal
          FROM audit.events) n
 WHERE e.event_id = n.event_id AND e.occurred_at = n.occurred_at;

CREATE FUNCTION pg_temp.micros(at timestamptz) RETURNS bytea LANGUAGE sql AS $$
    SELECT int8send((extract(epoch FROM at) * 1000000)::bigint)
$$;
DO $$
DECLARE
    one  record;
    last bytea := decode(repeat('00', 32), 'hex');
    head bytea;
BEGIN
    FOR one IN
        SELECT seal, count(*) AS events, statement_timestamp() AS at,
               string_agg(uuid_send(event_id)
                   || int2send((extract(year FROM occurred_at AT TIME ZONE 'UTC') * 12
                                + extract(month FROM occurred_at AT TIME ZONE 'UTC') - 1 - 1970 * 12)::int2)
                   || sha256(audit.field('rollcall-audit-event-1') || uuid_send(event_id) || pg_temp.micros(occurred_at)
                             || pg_temp.micros(recorded_at) || audit.field(tenant_id) || audit.field(organization_id::text)
                             || audit.field(group_id::text) || audit.field(run_id::text) || audit.field(action)
                             || audit.field(graph_request_id) || audit.actor_commitment(actor_salt, actor)
                             || audit.subject_commitment(subject_salt, member_object_id, detail)),
                   ''::bytea ORDER BY event_id) AS manifest
          FROM audit.events GROUP BY seal ORDER BY seal
    LOOP
        head := sha256(audit.field('rollcall-audit-seal-1') || int8send(0) || audit.field('adopted') || int8send(0)
                       || int8send(one.seal) || int8send(1) || int8send(0) || int8send(0) || int8send(one.events)
                       || pg_temp.micros(one.at) || '\x0100000020'::bytea || last || sha256(one.manifest));
        INSERT INTO audit.seals VALUES (0, one.seal, 1, 0, 0, one.events, one.at, last, head, one.manifest);
        last := head;
    END LOOP;
    INSERT INTO audit.chains (chain, topic, partition, number, root)
        OVERRIDING SYSTEM VALUE SELECT 0, 'adopted', 0, count(*), last FROM audit.seals;
END $$;

-- The record only grows. The one change let through is an erasure: a part of a row gives way to its own commitment.
CREATE OR REPLACE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit.% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE FUNCTION audit.guard_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    want record := OLD;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.actor_erasure IS NULL AND NEW.actor_erasure IS NOT NULL THEN
            want.actor_commitment := audit.actor_commitment(OLD.actor_salt, OLD.actor);
            want.actor := 'erased';
            want.actor_salt := NULL;
            want.actor_erasure := NEW.actor_erasure;
        END IF;
        IF OLD.subject_erasure IS NULL AND NEW.subject_erasure IS NOT NULL THEN
            want.subject_commitment := audit.subject_commitment(OLD.subject_salt, OLD.member_object_id, OLD.detail);
            want.member_object_id := NULL;
            want.detail := '{}'::jsonb;
            want.subject_salt := NULL;
            want.subject_erasure := NEW.subject_erasure;
        END IF;
        IF want IS NOT DISTINCT FROM NEW AND NEW IS DISTINCT FROM OLD THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION 'audit.events is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON audit.events
    FOR EACH ROW EXECUTE FUNCTION audit.guard_event();
CREATE TRIGGER seals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.seals EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER erasures_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.erasures
    EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON audit.events EXECUTE FUNCTION audit.refuse_change();
DO $$
DECLARE
    part regclass;
BEGIN  -- a partition can be truncated by its own name
    FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'audit.events'::regclass LOOP
        EXECUTE format('CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON %s EXECUTE FUNCTION audit.refuse_change()', part);
    END LOOP;
END $$;

-- These act for whoever may call them: the writer's role owns no table.
CREATE OR REPLACE FUNCTION audit.ensure_partition(day date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first date := date_trunc('month', day)::date;
    name  text := 'events_' || to_char(first, 'YYYY_MM');
BEGIN
    IF to_regclass('audit.' || name) IS NOT NULL THEN RETURN; END IF;
    PERFORM pg_advisory_xact_lock(hashtext('audit.ensure_partition'));
    IF to_regclass('audit.' || name) IS NOT NULL THEN RETURN; END IF;
    EXECUTE format('CREATE TABLE audit.%I PARTITION OF audit.events FOR VALUES FROM (%L) TO (%L)',
                   name, first::timestamp AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC');
    EXECUTE format('CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON audit.%I EXECUTE FUNCTION audit.refuse_change()', name);
END $$;

-- Takes a whole month away for good and answers how many events it held; NULL where there is none. The seals stay.
CREATE FUNCTION audit.drop_month(day date) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first date := date_trunc('month', day)::date;
    name  text := 'events_' || to_char(first, 'YYYY_MM');
    held  bigint;
BEGIN
    IF first + interval '1 month' > (now() AT TIME ZONE 'UTC') THEN
        RAISE EXCEPTION 'audit.drop_month: % is not over', to_char(first, 'YYYY-MM') USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('audit.ensure_partition'));
    IF to_regclass('audit.' || name) IS NULL THEN RETURN NULL; END IF;
    EXECUTE format('LOCK TABLE audit.%I IN ACCESS EXCLUSIVE MODE', name);
    EXECUTE format('SELECT count(*) FROM audit.%I', name) INTO held;
    EXECUTE format('ALTER TABLE audit.events DETACH PARTITION audit.%I', name);
    EXECUTE format('DROP TABLE audit.%I', name);
    INSERT INTO audit.dropped_months (month, events) VALUES (first, held)
        ON CONFLICT (month) DO UPDATE SET events = dropped_months.events + excluded.events, dropped_at = now();
    RETURN held;
END $$;

-- Erases a person (an object id) as actor and as subject and answers how many parts of events that were.
CREATE FUNCTION audit.erase(person uuid, erasure uuid, by_whom text, why text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    actors   bigint;
    subjects bigint;
BEGIN
    UPDATE audit.events
       SET actor_commitment = audit.actor_commitment(actor_salt, actor), actor = 'erased', actor_salt = NULL,
           actor_erasure = erasure
     WHERE actor_erasure IS NULL AND actor_salt IS NOT NULL AND strpos(lower(actor), person::text) > 0;
    GET DIAGNOSTICS actors = ROW_COUNT;
    UPDATE audit.events
       SET subject_commitment = audit.subject_commitment(subject_salt, member_object_id, detail), member_object_id = NULL,
           detail = '{}', subject_salt = NULL, subject_erasure = erasure
     WHERE subject_erasure IS NULL AND subject_salt IS NOT NULL
       AND (member_object_id = person OR strpos(lower(detail::text), person::text) > 0);
    GET DIAGNOSTICS subjects = ROW_COUNT;
    INSERT INTO audit.erasures (erasure_id, actor, reason, parts) VALUES (erasure, by_whom, why, actors + subjects);
    RETURN actors + subjects;
END $$;

-- Append-only by grant. Made where this role may make roles; ops/docs/audit-grants.md says how to make them by hand.
REVOKE ALL ON FUNCTION audit.ensure_partition(date), audit.drop_month(date), audit.erase(uuid, uuid, text, text) FROM PUBLIC;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['rollcall_audit_writer', 'rollcall_audit_reader', 'rollcall_audit_keeper'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN EXECUTE format('CREATE ROLE %I NOLOGIN', name); END IF;
        EXCEPTION
            WHEN insufficient_privilege THEN RETURN;
            WHEN duplicate_object OR unique_violation THEN NULL;  -- another database's migration, at the same time
        END;
    END LOOP;
    GRANT USAGE ON SCHEMA audit TO rollcall_audit_writer, rollcall_audit_reader, rollcall_audit_keeper;
    GRANT SELECT ON ALL TABLES IN SCHEMA audit TO rollcall_audit_writer, rollcall_audit_reader, rollcall_audit_keeper;
    GRANT INSERT ON audit.events, audit.seals TO rollcall_audit_writer;
    GRANT INSERT, UPDATE ON audit.chains TO rollcall_audit_writer;
    GRANT DELETE ON audit.expected TO rollcall_audit_writer;
    GRANT EXECUTE ON FUNCTION audit.ensure_partition(date) TO rollcall_audit_writer;
    GRANT EXECUTE ON FUNCTION audit.drop_month(date), audit.erase(uuid, uuid, text, text) TO rollcall_audit_keeper;
END $$;
