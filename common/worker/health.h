#pragma once
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace rollcall::worker {

/// One line of what a process tells of itself at /readyz.
struct Condition {
  enum class State {
    ok,
    note,     ///< ready all the same, but an operator wants to know
    problem,  ///< not ready
  };
  std::string name;
  State state = State::ok;
  std::string message;
};

/// What the parts of a process have to say just now, each under a name of its own. Safe from any thread.
class Health {
 public:
  void note(const std::string& name, const std::string& message) {
    say({name, Condition::State::note, message});
  }
  void problem(const std::string& name, const std::string& message) {
    say({name, Condition::State::problem, message});
  }
  void clear(const std::string& name) {
    const std::lock_guard lock(mutex_);
    said_.erase(name);
  }
  [[nodiscard]] std::vector<Condition> conditions() const {
    const std::lock_guard lock(mutex_);
    std::vector<Condition> all;
    for (const auto& [name, one] : said_)
      all.push_back(one);
    return all;
  }

 private:
  void say(Condition condition) {
    const std::lock_guard lock(mutex_);
    said_[condition.name] = std::move(condition);
  }
  mutable std::mutex mutex_;
  std::map<std::string, Condition> said_;
};

}  // namespace rollcall::worker
