#pragma once
#include "common/core/error.h"
#include "common/crypto/crypto.h"
#include "tests/integration/scheduler/support.h"
#include "tests/support/catch.h"
#include "workers/advisor_scan/handler.h"

#include <map>
#include <set>
#include <string>
#include <vector>

/// A tenant in which all is well, on a database of its own, and scans of it.
namespace rollcall::advisor_test {

using namespace std::chrono_literals;

/// Each checkpoint is a transaction; `stopped` asks the run to end.
class OnlyRun final : public worker::RunContext {
 public:
  explicit OnlyRun(postgres::Database& database) : database_(database) {}
  void checkpoint(const std::function<void(postgres::Transaction&)>& write,
                  std::vector<kafka::Message>) override {
    database_.transact(write);
  }
  void confirm() override {}
  void carry(Json) override {}
  void progress(long, long) override {}
  [[nodiscard]] std::stop_token stop() const override { return source.get_token(); }
  std::stop_source source;

 private:
  postgres::Database& database_;
};

class World {
 public:
  World() {
    organization = add_organization("Contoso");
    execute(
        "INSERT INTO ops.schedules (name, worker, operation, interval_seconds, next_due_at) VALUES ('sync', "
        "'member-sync', 'sync-members', 900, now())");
    well(organization);
  }

  Uuid add_organization(const std::string& name, const std::string& tenant = "tenant") {
    return database
        .query(
            "INSERT INTO directory.organizations (tenant_id, name, microsoft_group, updated_at) VALUES ($1, "
            "$2, gen_random_uuid(), now() - interval '90 days') RETURNING id",
            {postgres::value(tenant), postgres::value(name)})
        .at(0)
        .uuid(0);
  }
  /// It was synced and looked at a moment ago, and nothing was left over.
  void well(const Uuid& id) {
    database.execute(
        "INSERT INTO sync.groups (organization_id, group_id, full_read_at, synced_at, read_at) SELECT id, "
        "microsoft_group, now(), now(), now() FROM directory.organizations WHERE id = $1",
        {postgres::value(id)});
    database.execute(
        "INSERT INTO sync.group_health (organization_id, tenant_id, group_id, state) SELECT id, tenant_id, "
        "microsoft_group, 'healthy' FROM directory.organizations WHERE id = $1",
        {postgres::value(id)});
    add_run(id, "succeeded", "1 hour", R"({"added":0,"removed":0,"unmatched":0,"unresolved":0})");
  }
  Uuid add_run(const Uuid& of, const std::string& state, const std::string& age,
               const std::string& result = "null", const std::string& more = "") {
    const Uuid run = crypto::new_uuid();
    database.execute(
        "INSERT INTO ops.runs (id, tenant_id, organization_id, worker, operation, state, created_at, "
        "queued_at, "
        "finished_at, result, error_code) VALUES ($1, 'tenant', $2, 'member-sync', 'sync-members', $3, now() "
        "- "
        "$4::interval, now() - $4::interval, now() - $4::interval, nullif($5::jsonb, 'null'), $6)",
        {postgres::value(run), postgres::value(of), postgres::value(state), postgres::value(age),
         postgres::value(result), postgres::value(more)});
    return run;
  }
  void execute(const std::string& sql) { database.execute(sql); }

  /// The result of a scan, of one organization or of the tenant.
  Json scan(const std::optional<Uuid>& of = std::nullopt) {
    worker::Run run;
    run.id = crypto::new_uuid();
    run.organization_id = of.value_or(Uuid{});
    run.operation = "scan";
    run.caller_identity = "test";
    auto readings = advisor_scan::database_readings(database, options.limits);
    readings.insert(readings.end(), outside.begin(), outside.end());
    advisor_scan::Handler handler(database, std::move(readings), clock, metrics, options);
    OnlyRun context(database);
    const auto outcome = handler.handle(run, context);
    if (const auto* failed = std::get_if<worker::Failed>(&outcome)) return {{"failed", failed->code}};
    return std::get<worker::Done>(outcome).result;
  }

  /// Rules with a finding in this state, as people see it.
  std::multiset<std::string> rules(const std::string& state = "open") {
    std::multiset<std::string> rules;
    for (const auto& row :
         database.query("SELECT rule FROM advisor.findings WHERE state = $1", {postgres::value(state)}))
      rules.insert(row.text(0));
    return rules;
  }
  /// "finding_opened advisor.…", in order.
  std::vector<std::string> audited() {
    std::vector<std::string> told;
    for (const auto& row :
         database.query("SELECT m.one->>'payload' FROM ops.outbox o, "
                        "jsonb_array_elements(o.messages) WITH ORDINALITY AS m(one, n) WHERE "
                        "m.one->>'topic' = 'rollcall.audit' ORDER BY o.id, m.n")) {
      const Json event = Json::parse(row.text(0));
      told.push_back(event["action"].get<std::string>() + " " + event["detail"]["rule"].get<std::string>());
    }
    return told;
  }

  test::MigratedDatabase migrated;
  postgres::Database& database = migrated.database;
  SystemClock clock;
  metrics::Registry metrics{"advisor-scan"};
  advisor_scan::HandlerOptions options{"tenant", "client", advisor_scan::default_limits()};
  std::vector<advisor_scan::Reading> outside;  ///< besides those of the database
  Uuid organization;
};

}  // namespace rollcall::advisor_test
