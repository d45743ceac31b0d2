#include "workers/member_sync/core/judge.h"

#include "common/core/graph_messages.h"

#include <algorithm>
#include <iterator>

namespace rollcall::member_sync {
namespace {

using graph_messages::names;

bool passing_status(int status) {
  switch (status) {
    case 0:
    case 408:
    case 409:
    case 423:
    case 424:
      return true;
    default:
      return status >= 500;
  }
}

Step copy_with(const Step& step, StepKind kind, std::vector<std::uint32_t> changes) {
  return {kind, std::move(changes), step.attempts, step.maybe_applied};
}

Judgement settle_all(const Step& step, const std::string& code, const std::string& message) {
  Judgement judgement;
  for (const std::uint32_t change : step.changes)
    judgement.settled.push_back({change, code, message});
  return judgement;
}

/// Which entry is to blame is not said: each is sent by itself. A fresh start for its attempts.
Judgement split(const Step& step) {
  Judgement judgement;
  for (const std::uint32_t change : step.changes)
    judgement.again.push_back({StepKind::add_one, {change}, 0, step.maybe_applied});
  return judgement;
}

Judgement retry(const Step& step, const Answer& answer, const char* code_at_end) {
  Step next = step;
  ++next.attempts;
  // After a 424 or 409 nothing was applied; after silence or a 5xx nobody knows.
  if (answer.status == 0 || answer.status >= 500) next.maybe_applied = true;
  Judgement judgement;
  if (next.attempts >= step_attempts_max) {
    judgement = settle_all(step, code_at_end, answer.message.empty() ? "no answer" : answer.message);
  } else {
    judgement.again.push_back(std::move(next));
    judgement.later = true;
  }
  judgement.overloaded = answer.status == 503;
  return judgement;
}

Judgement throttled(const Step& step) {
  Judgement judgement;
  judgement.again.push_back(step);
  judgement.later = judgement.throttled = true;
  return judgement;
}

Judgement doubt() {
  Judgement judgement;
  judgement.group_in_doubt = true;
  return judgement;
}

Judgement add_not_found(const Step& step, const Answer& answer, const Plan& plan, const Uuid& group,
                        bool group_exists) {
  const auto named = std::ranges::find_if(
      step.changes, [&](std::uint32_t change) { return names(answer.message, plan.member(change)); });
  if (named != step.changes.end()) {
    Judgement judgement;
    judgement.settled.push_back({*named, "member_not_found", answer.message});
    std::vector<std::uint32_t> rest;
    std::ranges::copy_if(step.changes, std::back_inserter(rest),
                         [&](std::uint32_t c) { return c != *named; });
    if (!rest.empty()) judgement.again.push_back(copy_with(step, step.kind, std::move(rest)));
    return judgement;
  }
  const bool many = step.changes.size() > 1;
  if (names(answer.message, group)) return group_exists ? retry(step, answer, group_not_visible) : doubt();
  return many ? split(step) : settle_all(step, "member_not_found", answer.message);
}

Judgement judge_add(const Step& step, const Answer& answer, const Plan& plan, const Uuid& group,
                    bool group_exists) {
  if (answer.status == 404) return add_not_found(step, answer, plan, group, group_exists);
  const bool many = step.changes.size() > 1;
  if (answer.status == 400 && graph_messages::already_exists(answer.message))
    return many ? split(step) : settle_all(step, step.maybe_applied ? applied : already, "");
  if (answer.status == 400 && graph_messages::not_replicated(answer.message))
    return many && step.attempts + 1 >= step_attempts_max ? split(step)
                                                          : retry(step, answer, "member_not_found");
  return many ? split(step)
              : settle_all(step, graph_messages::refusal_code(answer.status, answer.message), answer.message);
}

Judgement judge_removal(const Step& step, const Answer& answer, const Plan& plan, const Uuid& group,
                        bool group_exists) {
  const std::string gone = step.maybe_applied ? applied : already;
  if (answer.status == 400 && graph_messages::not_a_member(answer.message)) return settle_all(step, gone, "");
  if (answer.status == 404) {
    const bool names_member = names(answer.message, plan.member(step.changes.front()));
    if (names_member || !names(answer.message, group)) return settle_all(step, gone, "");
    return group_exists ? retry(step, answer, group_not_visible) : doubt();
  }
  return settle_all(step, graph_messages::refusal_code(answer.status, answer.message), answer.message);
}

}  // namespace

Judgement judge(const Step& step, const Answer& answer, const Plan& plan, const Uuid& group,
                bool group_exists) {
  if (answer.status >= 200 && answer.status < 300) return settle_all(step, applied, "");
  if (answer.status == 429) return throttled(step);
  if (passing_status(answer.status))
    return retry(step, answer,
                 answer.status == 409 || answer.status == 423 ? "graph_refused" : "graph_unavailable");
  if (answer.status == 401) {  // the client has tried a fresh token already
    Judgement judgement;
    judgement.stop = Problem{"graph_not_permitted", answer.message};
    return judgement;
  }
  return step.kind == StepKind::remove_one ? judge_removal(step, answer, plan, group, group_exists)
                                           : judge_add(step, answer, plan, group, group_exists);
}

}  // namespace rollcall::member_sync
