#include "tests/integration/advisor_scan/world.h"

using namespace rollcall;
using namespace rollcall::advisor_test;
using advisor_scan::Snapshot;
using advisor_scan::Source;

namespace {

/// What a rule's cause is in PostgreSQL, and what mends it. $ORG stands for the organization.
struct Case {
  const char* rule;
  const char* cause;
  const char* cure;
};

const std::vector<Case> in_database = {
    {"advisor.members_unmatched",
     "INSERT INTO ops.runs (id, organization_id, worker, operation, state, result) VALUES "
     "(gen_random_uuid(), "
     "$ORG, 'member-sync', 'sync-members', 'succeeded', '{\"unmatched\": 2}')",
     "INSERT INTO ops.runs (id, organization_id, worker, operation, state, result) VALUES "
     "(gen_random_uuid(), "
     "$ORG, 'member-sync', 'sync-members', 'succeeded', '{\"unmatched\": 0}')"},
    {"advisor.addresses_unresolved",
     "UPDATE ops.runs SET result = '{\"unresolved\": 3, \"unmatched\": \"many\"}'",
     "UPDATE ops.runs SET result = '{\"unresolved\": 0}'"},
    {"advisor.runs_failing",
     "INSERT INTO ops.runs (id, organization_id, worker, operation, state, error_code, created_at) SELECT "
     "gen_random_uuid(), $ORG, 'member-sync', 'sync-members', 'failed', 'group_not_found', now() - n * "
     "interval "
     "'1 minute' FROM generate_series(1, 3) n",
     "INSERT INTO ops.runs (id, organization_id, worker, operation, state) VALUES (gen_random_uuid(), $ORG, "
     "'member-sync', 'sync-members', 'succeeded')"},
    {"advisor.group_stale", "UPDATE sync.groups SET synced_at = now() - interval '8 days'",
     "UPDATE sync.groups SET synced_at = now()"},
    // A group that another took the place of was never synced.
    {"advisor.group_stale", "UPDATE sync.groups SET group_id = gen_random_uuid()",
     "UPDATE directory.organizations SET microsoft_group = NULL"},
    {"advisor.groups_unchecked", "UPDATE sync.group_health SET checked_at = now() - interval '8 days'",
     "UPDATE sync.group_health SET checked_at = now()"},
    // What was found of the group before does not count for this one.
    {"advisor.groups_unchecked", "UPDATE sync.group_health SET group_id = gen_random_uuid()",
     "UPDATE directory.organizations SET microsoft_group = NULL"},
    {"advisor.drift_overdue",
     "UPDATE directory.organizations SET roster_version = 2, updated_at = now() - interval '1 hour';"
     "UPDATE sync.groups SET read_at = now() - interval '2 hours', synced_at = now() - interval '2 hours'",
     "UPDATE sync.groups SET roster_version = 2, read_at = now(), synced_at = now()"},
    {"advisor.drift_overdue",
     "WITH pack AS (INSERT INTO sync.packs (tenant_id) VALUES ('tenant') RETURNING id) INSERT INTO "
     "sync.pack_groups (organization_id, pack_id, group_id, mark, marked_at) SELECT o.id, pack.id, "
     "o.microsoft_group, 'changed', now() FROM directory.organizations o, pack WHERE o.id = $ORG;"
     "UPDATE directory.organizations SET updated_at = now() - interval '3 hours';"
     "UPDATE sync.groups SET read_at = now() - interval '2 hours'",
     "UPDATE sync.pack_groups SET mark = NULL, marked_at = NULL"},
    {"advisor.sync_unscheduled", "UPDATE ops.schedules SET paused = true, paused_at = now()",
     "UPDATE ops.schedules SET paused = false, parameters = jsonb_build_object('organization_id', $ORG)"},
    {"advisor.approval_waiting",
     "INSERT INTO ops.runs (id, organization_id, worker, operation, state, error_code, queued_at) VALUES "
     "('0190f3a1-5b1e-7c39-9d2f-0b6f0d5c1a11', $ORG, 'member-sync', 'sync-members', 'needs_approval', "
     "'guard_removals', now() - interval '9 days');"
     "INSERT INTO ops.run_events (run_id, event, at) VALUES ('0190f3a1-5b1e-7c39-9d2f-0b6f0d5c1a11', "
     "'needs_approval', now() - interval '73 hours')",
     "UPDATE ops.runs SET state = 'cancelled' WHERE state = 'needs_approval'"},
    {"advisor.runs_starving",
     "INSERT INTO ops.runs (id, organization_id, worker, operation, state, queued_at) VALUES "
     "(gen_random_uuid(), "
     "$ORG, 'member-sync', 'sync-members', 'queued', now() - interval '16 minutes')",
     "UPDATE ops.runs SET state = 'running' WHERE state = 'queued'"},
    {"advisor.throttling",
     "UPDATE ops.runs SET created_at = now() - interval '1 minute', result = '{\"requests\": {\"http\": 40, "
     "\"reads\": 300, \"writes\": 100, \"throttled\": 20}}'",
     "UPDATE ops.runs SET created_at = now() - interval '61 minutes'"},
    {"advisor.audit_gap",
     "UPDATE ops.runs SET finished_at = now() - interval '2 hours', result = '{\"added\": 1, \"removed\": "
     "1}'",
     "INSERT INTO audit.events (event_id, occurred_at, tenant_id, run_id, actor, action) SELECT "
     "gen_random_uuid(), now() - interval '2 hours', 'tenant', r.id, 'test', a FROM ops.runs r, "
     "unnest(ARRAY['member_added', 'member_removed']) a"},
    {"advisor.grant_expiring",
     "INSERT INTO vault.grants (tenant_id, person, connector, state, client_id, key_id, sealed, "
     "connected_at, "
     "refreshed_at) VALUES ('tenant', gen_random_uuid(), 'mail', 'connected', 'client', 'k', 's', now() - "
     "interval '9 days', now() - interval '73 hours')",
     "UPDATE vault.grants SET refreshed_at = now()"},
    {"advisor.full_reads_frequent", "UPDATE ops.schedules SET parameters = '{\"full_read\": true}'",
     "UPDATE ops.schedules SET interval_seconds = 86400"},
    {"advisor.schedule_paused",
     "INSERT INTO ops.schedules (name, worker, operation, cron, next_due_at, paused, paused_at) VALUES "
     "('other', "
     "'demo', 'x', '0 3 * * *', now(), true, now() - interval '8 days')",
     "UPDATE ops.schedules SET paused = false WHERE name = 'other'"},
    {"advisor.worker_paused",
     "INSERT INTO ops.worker_pauses (worker, paused_at) VALUES ('demo', now() - interval '8 days')",
     "DELETE FROM ops.worker_pauses"},
};

std::string with_organization(std::string sql, const Uuid& organization) {
  const std::string id = "'" + organization.to_string() + "'::uuid";
  for (auto at = sql.find("$ORG"); at != std::string::npos; at = sql.find("$ORG", at))
    sql.replace(at, 4, id);
  return sql;
}

void execute_all(World& world, const std::string& sql) {
  world.database.transact([&](postgres::Transaction& transaction) {
    transaction.query(
        "SELECT audit.ensure_partition(current_date), audit.ensure_partition(current_date - 1)");
    transaction.script(with_organization(sql, world.organization));
  });
}

/// Causes outside PostgreSQL.
struct OutsideCase {
  const char* rule;
  Source source;
  std::function<void(Snapshot&)> cause, cure;
};

std::vector<OutsideCase> outside_cases() {
  const auto nothing = [](Snapshot&) {};
  const auto soon = [](Snapshot& snapshot) { return snapshot.taken_at + 24h; };
  const auto permitted = [](std::vector<std::string> permissions) {
    return [permissions](Snapshot& snapshot) { snapshot.permissions = permissions; };
  };
  const std::vector<std::string> needed{"GroupMember.ReadWrite.All", "Group.Read.All", "User.Read.All"};
  auto more = needed;
  more.emplace_back("Mail.Read");
  return {
      {"advisor.dead_letters", Source::dead_letters,
       [](Snapshot& s) {
         s.dead_letters = {{"rollcall.audit.dead", 2, {{"schema_violation", 2}}, s.taken_at}};
       },
       nothing},
      {"advisor.certificate_expiring", Source::certificate,
       [soon](Snapshot& s) {
         s.certificates = {{"certificate", "thumbprint", "app", soon(s)}};
       },
       nothing},
      {"advisor.credential_expiring", Source::application,
       [soon](Snapshot& s) {
         s.credentials = {{"secret", "key", "", soon(s)}};
       },
       nothing},
      {"advisor.application_hidden", Source::application,
       [](Snapshot& s) { s.application_hidden = "status 403"; }, nothing},
      {"advisor.permissions_excessive", Source::permissions, permitted(more), permitted(needed)},
      {"advisor.permissions_missing", Source::permissions, permitted({"Group.Read.All"}), permitted(needed)},
  };
}

/// Opens, stands through a second scan, resolves.
void check_life(World& world, const std::string& rule, const std::function<void()>& cause,
                const std::function<void()>& cure) {
  CHECK(world.scan()["opened"] == 0);
  cause();
  CHECK(world.scan()["opened"] == 1);
  CHECK(world.rules() == std::multiset<std::string>{rule});
  // Some evidence is of the moment; what stands is not opened again in any case.
  CHECK(world.scan()["opened"] == 0);
  cure();
  CHECK(world.scan()["resolved"] == 1);
  CHECK(world.rules().empty());
  CHECK(world.rules("resolved") == std::multiset<std::string>{rule});
  CHECK(world.audited() == std::vector<std::string>{"finding_opened " + rule, "finding_resolved " + rule});
}

}  // namespace

TEST_CASE("Each rule over the database opens a finding and resolves it when the cause is gone") {
  World world;
  for (const auto& [rule, cause, cure] : in_database) {
    INFO(rule << ": " << cause);
    check_life(
        world, rule, [&, sql = cause] { execute_all(world, sql); },
        [&, sql = cure] { execute_all(world, sql); });
    world.execute(
        "TRUNCATE directory.organizations, ops.runs, ops.run_events, ops.schedules, ops.outbox, "
        "ops.worker_pauses, sync.packs, advisor.findings CASCADE");
    world.organization = world.add_organization("Contoso");
    world.execute(
        "INSERT INTO ops.schedules (name, worker, operation, interval_seconds, next_due_at) VALUES "
        "('sync', 'member-sync', 'sync-members', 900, now())");
    world.well(world.organization);
  }
}

TEST_CASE("Each rule over what is outside the database opens a finding and resolves it") {
  World world;
  for (const auto& one : outside_cases()) {
    INFO(one.rule);
    auto read = one.cure;
    world.outside = {{one.source, true, [&](Snapshot& snapshot, const std::stop_token&) { read(snapshot); }}};
    check_life(
        world, one.rule, [&] { read = one.cause; }, [&] { read = one.cure; });
    world.execute("TRUNCATE ops.outbox, advisor.findings");
  }
}

TEST_CASE("Every rule has a case here") {
  std::set<std::string> covered;
  for (const auto& one : in_database)
    covered.insert(one.rule);
  for (const auto& one : outside_cases())
    covered.insert(one.rule);
  for (const auto& rule : advisor_scan::all_rules())
    CHECK(covered.contains(rule.id));
}
