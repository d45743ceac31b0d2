#include "common/crypto/crypto.h"
#include "tests/simulation/world.h"

namespace rollcall::simulation {
namespace {

using schedules::Overlap;

Settings choose(Random& random) {
  Settings settings;
  settings.workers = random.between(1, 3);
  settings.schedulers = random.between(1, 2);
  settings.partitions = random.between(1, 4);
  settings.lanes = random.between(1, 4);
  settings.organizations = random.between(1, 6);
  settings.claim_max = static_cast<std::size_t>(random.between(1, 12));
  settings.open_max = static_cast<std::size_t>(random.between(1, 40));
  // What a run reads and a batch of 20 must fit into one worker's part together, and with them the PATCHes (8
  // for the largest roster) that were refused for one of their people, all of whom are then added one by one:
  // a run that is parked begins anew when it comes again. Where that is nearly all of it, everybody is short.
  settings.limits.resource_units = settings.limits.resource_units_max =
      random.chance(0.6) ? settings.workers * random.between(30, 50) : random.between(120, 300);
  settings.limits.writes =
      random.chance(0.5) ? settings.workers * random.between(30, 60) : random.between(90, 300);
  settings.roster_max = random.chance(0.4) ? random.between(60, 160) : 45;
  settings.limits.write_window = std::chrono::seconds{30};
  settings.patience = milliseconds{random.between(0, 5'000)};
  settings.policy.attempts_max = random.between(3, 12);
  settings.policy.joins = random.chance(0.8);
  if (random.chance(0.2)) settings.policy.age_max = milliseconds{random.between(10'000, 60'000)};
  return settings;
}

}  // namespace

World::World(std::uint64_t seed, bool traced) : services_(seed, traced, &choose) {}

void World::set_up() {
  auto& [timeline, random, settings, broker, database, graph, governors] = services_;
  timeline.note("{} workers of {} lanes, {} organizations, {} units, {} writes, {} attempts",
                settings.workers, settings.lanes, settings.organizations, settings.limits.resource_units,
                settings.limits.writes, settings.policy.attempts_max);
  for (const char* topic : {"commands", "ticks"})
    broker.create(topic, settings.partitions);
  for (const char* topic : {"runs", "audit", "throttle"})
    broker.create(topic, 1);
  broker.on_committed = [this](const Record& record) {
    const auto* note = std::get_if<CommandNote>(&record.payload);
    if (!note) return;
    const auto& rows = services_.database.tables.runs.rows;
    const auto row = rows.find(note->run);
    if (row == rows.end() || row->second.concluded_epoch < note->epoch)
      throw Violation(fmt::format("the command of run {} ({}) is committed before it has led to anything",
                                  brief(note->run), row == rows.end() ? "unknown" : row->second.state));
  };
  database.tables.runs.on_taken = [this](const RunRow& row) { check_taken(row); };
  broker.tail(people_, "runs", [this](const Record& record) {
    const auto& news = std::get<RunNews>(record.payload);
    told_[news.run].insert(news.state);
  });
  // The audit writer: told twice is written once, by the event's id.
  broker.tail(people_, "audit",
              [this](const Record& record) { audited_.insert(std::get<AuditNote>(record.payload).id); });
  for (int i = 0; i < settings.organizations; ++i) {
    organizations_.push_back(random.uuid());
    auto& row = database.tables.organizations[organizations_.back()];
    row.changed_at = row.synced_at = WallTime{};
    for (int n = random.between(0, settings.roster_max); n > 0; --n)
      (random.chance(0.6) ? row.roster : graph.groups[organizations_.back()]).insert(random.uuid());
  }
  const int schedules = random.between(0, 2);
  for (int i = 0; i < schedules; ++i) {
    ScheduleRow row;
    row.schedule.id = crypto::derived_uuid({"schedule", std::to_string(i)}).to_string();
    row.schedule.name = std::to_string(i);
    row.schedule.interval = std::chrono::seconds{random.between(2, 25)};
    row.schedule.due = timeline.wall() + milliseconds{random.between(0, 5'000)};
    row.schedule.overlap = std::array{Overlap::skip, Overlap::buffer_one,
                                      Overlap::allow_all}[static_cast<std::size_t>(random.below(3))];
    row.schedule.catch_up_window = std::chrono::seconds{random.between(10, 60)};
    row.schedule.jitter = std::chrono::seconds{random.chance(0.5) ? random.between(1, 8) : 0};
    row.next_fires = *schedules::fires_at(row.schedule, row.schedule.due);
    database.tables.schedules.push_back(std::move(row));
  }
  for (int i = 0; i < settings.workers; ++i)
    workers_.push_back({"member-sync-" + std::to_string(i), 0, {}});
  for (int i = 0; i < settings.schedulers; ++i)
    schedulers_.push_back({"scheduler-" + std::to_string(i), 0, {}});
  for (auto& place : workers_)
    start(place);
  for (auto& place : schedulers_)
    start(place);
  for (const auto& organization : organizations_)
    ask_for(organization, 0);
  ask();
}

/// Now and then somebody wants something.
void World::ask() {
  auto& random = services_.random;
  if (over_) return;
  const auto organization = random.pick(organizations_);
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
      change_roster(organization);
      break;
    case 3:
    case 4:
      ask_for(organization, random.below(2));
      break;
    case 5:
    case 6:
      publish_directly(organization);
      break;
    default:
      by_hand();
      break;
  }
  const bool burst = random.chance(0.3);
  services_.timeline.after(random.between(milliseconds{1}, burst ? milliseconds{50} : milliseconds{5'000}),
                           nullptr, [this] { ask(); });
}

void World::ask_for(const Uuid& organization, int parameters) {
  const auto run = services_.random.uuid();
  services_.database.transact<std::pair<Uuid, Stored>>(
      people_,
      [this, run, organization, parameters](Tables& tables) {
        std::vector<Message> messages;
        const auto asked =
            tables.runs.enqueue({run, organization, {}, parameters}, services_.timeline.wall(), messages);
        asked_.insert(asked);
        return std::pair{asked, services_.database.store(tables, std::move(messages))};
      },
      [this, run, organization, parameters](const auto& answer) {
        // Who is not answered asks again, under the same id.
        if (!answer) {
          services_.timeline.after(milliseconds{300}, nullptr,
                                   [this, organization, parameters] { ask_for(organization, parameters); });
        } else if (services_.random.chance(0.8)) {  // else it dies here: the sweep's business
          services_.database.publish(services_.broker, people_, answer->second);
        }
      });
}

/// Any program may publish a command by itself, and may do so twice.
void World::publish_directly(const Uuid& organization) {
  const auto run = services_.random.uuid();
  const Message message{"commands", organization,
                        CommandNote{run, organization, services_.random.below(2), 0}};
  for (int copies = services_.random.chance(0.2) ? 2 : 1; copies > 0; --copies) {
    services_.broker.publish(people_, message, [this, run](bool delivered) {
      if (!delivered) return;  // then it may come or not
      asked_.insert(run);
      published_[run] = services_.timeline.now();
    });
  }
}

/// When everything has been quiet again, the world is as good as new.
void World::ask_afterwards() {
  services_.timeline.note("afterwards");
  quiet_since_ = services_.timeline.now();
  for (const auto& organization : organizations_) {
    const auto run = services_.random.uuid();
    services_.broker.publish(people_, {"commands", organization, CommandNote{run, organization, 0, 0}});
    asked_.insert(run);
    afterwards_.insert(run);
  }
}

void World::change_roster(const Uuid& organization) {
  auto& random = services_.random;
  auto& row = services_.database.tables.organizations[organization];
  for (int n = random.between(1, 12); n > 0; --n) {
    if (random.chance(0.4) && !row.roster.empty()) {
      row.roster.erase(row.roster.begin());
    } else {
      row.roster.insert(random.uuid());
    }
  }
  row.changed_at = services_.timeline.wall();
  ask_for(organization, 0);
}

/// An operator cancels something, or tries it again.
void World::by_hand() {
  auto& rows = services_.database.tables.runs.rows;
  if (rows.empty()) return;
  auto chosen = rows.begin();
  std::advance(chosen, services_.random.below(static_cast<int>(rows.size())));
  const bool again = services_.random.chance(0.5);
  services_.database.transact<Stored>(
      people_,
      [this, run = chosen->first, again](Tables& tables) {
        std::vector<Message> messages;
        again ? tables.runs.retry(run, services_.timeline.wall(), messages)
              : tables.runs.cancel(run, services_.timeline.wall(), messages);
        return services_.database.store(tables, std::move(messages));
      },
      [this](const auto& stored) {
        if (stored) services_.database.publish(services_.broker, people_, *stored);
      });
}

}  // namespace rollcall::simulation
