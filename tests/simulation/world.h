#pragma once
#include "tests/simulation/scheduler_process.h"
#include "tests/simulation/worker_process.h"

namespace rollcall::simulation {

/// A world of one seed: its processes, what people ask of them, what befalls them, and what must hold.
class World {
 public:
  World(std::uint64_t seed, bool traced);
  /// Throws Violation.
  void run();
  [[nodiscard]] const Timeline& timeline() const { return services_.timeline; }

 private:
  template <class Process>
  struct Place {  // where a process lives, life after life
    std::string instance;
    int lives = 0;
    std::vector<std::unique_ptr<Process>> processes;  // all lives: events of dead ones point to them
    [[nodiscard]] Process& now() const { return *processes.back(); }
    [[nodiscard]] bool alive() const { return !processes.empty() && processes.back()->host()->alive; }
  };
  // world_load.cpp
  void set_up();
  void ask();
  void ask_for(const Uuid& organization, int parameters);
  void ask_afterwards();
  void publish_directly(const Uuid& organization);
  void change_roster(const Uuid& organization);
  void by_hand();
  // world_faults.cpp
  void choose_faults();
  void strike();
  template <class Process>
  void start(Place<Process>& place);
  void start_after(Place<WorkerProcess>& place, const HostPtr& stopping);
  template <class Process>
  void kill(Place<Process>& place);
  template <class Process>
  void freeze(Place<Process>& place, milliseconds time);
  void cut_off(Place<WorkerProcess>& place);
  void make_peace();
  // world.cpp
  void advance(milliseconds time);
  void settle_down();
  [[nodiscard]] bool quiet() const;
  void check_end();
  void check_taken(const RunRow& row) const;
  void check_runs();
  void check_groups();
  void check_audit() const;
  void check_queues() const;
  void check_afterwards() const;

  Services services_;
  HostPtr people_ = std::make_shared<Host>(Host{"people"});
  std::vector<Place<WorkerProcess>> workers_;
  std::vector<Place<SchedulerProcess>> schedulers_;
  std::vector<Uuid> organizations_;
  std::vector<std::function<void()>> strikes_;  // what may befall in this seed
  std::set<Uuid> asked_;                        // runs that must come to an end
  std::set<Uuid> afterwards_;                   // of these, asked in peace
  std::map<Uuid, SteadyTime> published_;        // without a row of their own
  std::map<Uuid, std::set<std::string>> told_;
  std::set<Uuid> audited_;
  SteadyTime lost_data_{}, quiet_since_{};
  bool over_ = false, clean_database_ = true;
};

}  // namespace rollcall::simulation
