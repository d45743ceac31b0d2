#include "tests/simulation/world.h"

namespace rollcall::simulation {

template <class Process>
void World::start(Place<Process>& place) {
  place.processes.push_back(std::make_unique<Process>(services_, place.instance, ++place.lives));
  services_.timeline.note("{} starts", place.now().host()->name);
}

template <class Process>
void World::kill(Place<Process>& place) {
  if (!place.alive()) return;
  const auto host = place.now().host();
  services_.timeline.note("{} is killed", host->name);
  host->alive = false;
  services_.broker.watch(host);
  services_.timeline.after(services_.random.between(milliseconds{500}, milliseconds{20'000}), nullptr,
                           [this, &place] {
                             if (!place.alive()) start(place);
                           });
}

/// After an orderly stop, however long it takes.
void World::start_after(Place<WorkerProcess>& place, const HostPtr& stopping) {
  services_.timeline.after(milliseconds{25'000}, nullptr, [this, &place, stopping] {
    if (stopping->alive) return start_after(place, stopping);
    if (!place.alive()) start(place);
  });
}

template <class Process>
void World::freeze(Place<Process>& place, milliseconds time) {
  if (!place.alive()) return;
  const auto host = place.now().host();
  const auto until = services_.timeline.now() + time;
  if (until <= host->stopped_until) return;  // it stands still longer as it is
  services_.timeline.note("{} is stopped for {} ms", host->name, time.count());
  host->stopped_until = host->well_since = until;
  services_.broker.watch(host);
}

/// From Kafka and from PostgreSQL, for as long as others need to think it dead, or nearly.
void World::cut_off(Place<WorkerProcess>& place) {
  if (!place.alive()) return;
  const auto host = place.now().host();
  const auto time = services_.random.between(milliseconds{2'000}, milliseconds{40'000});
  services_.timeline.note("{} is cut off for {} ms", host->name, time.count());
  host->cut_off = true;
  services_.broker.watch(host);
  services_.timeline.after(time, nullptr, [this, host] {
    host->cut_off = false;
    host->well_since = std::max(host->well_since, services_.timeline.now());
  });
}

/// Each seed has its own climate: some faults often, some never.
void World::choose_faults() {
  auto& random = services_.random;
  const auto rate = [&](double most) { return random.chance(0.5) ? random.unit() * most : 0; };
  auto& [undelivered, kept_anyway, twice, commit_lost, latency] = services_.broker.faults;
  undelivered = rate(0.2);
  twice = rate(0.2);
  commit_lost = rate(0.5);
  latency = milliseconds{random.chance(0.3) ? 1'500 : 20};
  services_.broker.gaps = rate(0.3);
  services_.database.faults = {rate(0.15), rate(0.1), milliseconds{random.chance(0.2) ? 500 : 5}, rate(0.6)};
  services_.graph.faults = {rate(0.3), rate(0.15), rate(0.1), milliseconds{random.chance(0.3) ? 3'000 : 200}};
  const auto& [refused, unanswered, delay, locked] = services_.database.faults;
  clean_database_ = refused + unanswered + locked == 0;
  const auto outage = [this](bool& away, const char* what, milliseconds longest) {
    if (away) return;
    services_.timeline.note("{} goes away", what);
    away = true;
    services_.timeline.after(services_.random.between(milliseconds{200}, longest), nullptr,
                             [this, &away, what] {
                               services_.timeline.note("{} is back", what);
                               away = false;
                               services_.database.well_since = services_.timeline.now();
                             });
  };
  const std::vector<std::function<void()>> all{
      [this] { kill(services_.random.pick(workers_)); },
      [this] { kill(services_.random.pick(schedulers_)); },
      [this] {
        freeze(services_.random.pick(workers_),
               services_.random.between(milliseconds{200}, milliseconds{40'000}));
      },
      [this] {
        freeze(services_.random.pick(schedulers_),
               services_.random.between(milliseconds{200}, milliseconds{20'000}));
      },
      [this] {
        auto& place = services_.random.pick(workers_);
        if (!place.alive()) return;
        place.now().stop();
        start_after(place, place.now().host());
      },
      [this] { cut_off(services_.random.pick(workers_)); },
      [outage, this] { outage(services_.broker.away, "kafka", milliseconds{15'000}); },
      [outage, this] { outage(services_.database.away, "postgres", milliseconds{15'000}); },
      [outage, this] { outage(services_.graph.down, "graph", milliseconds{20'000}); },
      [this] {
        services_.timeline.note("kafka loses its data");
        services_.broker.lose_data();
        lost_data_ = services_.timeline.now();
      },
  };
  for (const auto& one : all)
    if (random.chance(0.4)) strikes_.push_back(one);
  if (!strikes_.empty()) strike();
}

void World::strike() {
  services_.timeline.after(services_.random.between(milliseconds{100}, milliseconds{15'000}), nullptr,
                           [this] {
                             if (over_) return;
                             services_.random.pick(strikes_)();
                             strike();
                           });
}

/// No more faults, no more work: whatever was begun must come to its end.
void World::make_peace() {
  services_.timeline.note("peace");
  over_ = true;
  services_.broker.faults = {};
  services_.database.faults = {};
  services_.graph.faults = {};
  services_.broker.away = services_.database.away = services_.graph.down = false;
  clean_database_ = true;
  services_.database.well_since = services_.timeline.now();
  for (auto& place : workers_) {
    const auto host = place.now().host();
    if (std::exchange(host->cut_off, false)) host->well_since = services_.timeline.now();
  }
  for (auto& schedule : services_.database.tables.schedules)
    schedule.paused = true;
  for (auto& place : workers_)
    if (!place.alive()) start(place);
  for (auto& place : schedulers_)
    if (!place.alive()) start(place);
}

template void World::start(Place<WorkerProcess>&);
template void World::start(Place<SchedulerProcess>&);

}  // namespace rollcall::simulation
