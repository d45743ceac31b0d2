#pragma once
#include "common/core/error.h"
#include "workers/front/adapters/pool.h"

#include <algorithm>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace rollcall::front {

/// Answers many questions with one statement. The first question goes at once; those that come while it is
/// being answered wait for the next block, so that load makes blocks larger and not queues longer, and a
/// single question waits for nobody. Safe from any thread; never blocks the one who asks. What waits at the
/// end of the process is dropped unanswered.
template <class Question, class Answer>
class Gatherer {
 public:
  /// One answer for each question, in their order. On a thread of the pool; may throw.
  using AskBlock = std::function<std::vector<Answer>(const std::vector<Question>&)>;
  /// On a thread of the pool, or on the asker's where the pool takes nothing more. With an exception, the
  /// answer is empty. Must not throw, nor block for long.
  using OnAnswer = std::function<void(Answer, std::exception_ptr)>;

  Gatherer(Pool& pool, AskBlock ask_block, std::size_t block_max = 500, std::size_t waiting_max = 20'000)
      : state_(std::make_shared<State>(pool, std::move(ask_block), block_max, waiting_max)) {}

  /// Throws Error{transient, "busy"} where too many wait already.
  void ask(Question question, OnAnswer done) {
    {
      const std::lock_guard lock(state_->mutex);
      if (state_->waiting.size() >= state_->waiting_max)
        throw Error(Fault::transient, "busy", "More requests are waiting than can be served soon.");
      state_->waiting.emplace_back(std::move(question), std::move(done));
      if (std::exchange(state_->asking, true)) return;
    }
    state_->go_on();
  }

 private:
  struct State : std::enable_shared_from_this<State> {
    State(Pool& given, AskBlock ask, std::size_t block, std::size_t most)
        : pool(given), ask_block(std::move(ask)), block_max(block), waiting_max(most) {}

    void go_on() {
      if (pool.submit([self = this->shared_from_this()] { self->answer_next(); })) return;
      std::vector<Item> refused;
      {
        const std::lock_guard lock(mutex);
        refused.swap(waiting);
        asking = false;
      }
      const auto busy = std::make_exception_ptr(
          Error(Fault::transient, "busy", "More requests are waiting than can be served soon."));
      for (auto& [question, done] : refused)
        done({}, busy);
    }

    /// One block; then back into the pool's queue, so that others get their turn.
    void answer_next() {
      std::vector<Question> questions;
      std::vector<OnAnswer> dones;
      {
        const std::lock_guard lock(mutex);
        const auto count = static_cast<std::ptrdiff_t>(std::min(waiting.size(), block_max));
        for (auto item = waiting.begin(); item != waiting.begin() + count; ++item) {
          questions.push_back(std::move(item->first));
          dones.push_back(std::move(item->second));
        }
        waiting.erase(waiting.begin(), waiting.begin() + count);
      }
      std::vector<Answer> answers;
      std::exception_ptr failed;
      try {
        answers = ask_block(questions);
      } catch (...) {
        failed = std::current_exception();
      }
      answers.resize(questions.size());
      bool more = false;
      {
        const std::lock_guard lock(mutex);
        more = asking = !waiting.empty();
      }
      if (more) go_on();  // another thread asks the next block while this one hands out its answers
      for (std::size_t i = 0; i < dones.size(); ++i)
        dones[i](std::move(answers[i]), failed);
    }

    using Item = std::pair<Question, OnAnswer>;
    Pool& pool;
    const AskBlock ask_block;
    const std::size_t block_max, waiting_max;
    std::mutex mutex;
    std::vector<Item> waiting;
    bool asking = false;
  };
  std::shared_ptr<State> state_;
};

}  // namespace rollcall::front
