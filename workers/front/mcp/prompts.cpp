#include "workers/front/mcp/features.h"

#include <utility>

namespace rollcall::front::mcp {
namespace {

/// A question that people ask again and again. "{name}" stands for an argument.
struct Question {
  const char *name, *title, *description;
  std::vector<Prompt::Argument> arguments;
  const char* text;
};

const Prompt::Argument organization{"organization", "Id or name of the organization."};

const std::vector<Question>& questions() {
  static const std::vector<Question> all{
      {"review_drift",
       "What would a sync change?",
       "Who would be added to and removed from an organization's group.",
       {organization},
       "Find the organization '{organization}' in Rollcall. Call preview_drift for it with wait_seconds 60, "
       "and get_job if "
       "it has not ended by then. Say how many people would be added and removed, name those who would be "
       "removed, and "
       "point out anything unusual. Change nothing."},
      {"sync_now",
       "Bring a group up to date",
       "Previews a sync, asks, and carries it out.",
       {organization},
       "Find the organization '{organization}' in Rollcall and preview the drift of its group. Show me what "
       "would change "
       "and ask me whether to go on. Only when I say yes, call sync_group_members with wait_seconds 120 and "
       "report the "
       "result, with reasons for whatever did not work."},
      {"why_is_someone_there",
       "Why is this person in the group?",
       "Explains a membership, or why there is none.",
       {organization, {"person", "Name, address or object id of the person."}},
       "In Rollcall, for the organization '{organization}', find out why '{person}' is, or is not, a member "
       "of its group: "
       "look at list_roster, list_group_members and list_audit for the person. Answer with the facts in "
       "order of time."},
      {"failed_jobs",
       "What failed?",
       "Jobs that failed of late, with what to do.",
       {},
       "List the failed jobs in Rollcall (list_jobs with state failed). Group them by their error, say for "
       "each what the "
       "error means and what to do about it, and which can simply be tried again."},
      {"open_findings",
       "What needs attention?",
       "Open findings by severity.",
       {},
       "List the open findings in Rollcall, the most severe first. For each say in one sentence what it is, "
       "which "
       "organization it concerns and what to do. End with the three things to do first."},
      {"is_all_well",
       "Is all well?",
       "Workers, throttling, schedules and failures at a glance.",
       {},
       "Check Rollcall's health: list_workers, get_throttle, list_schedules, failed jobs of the last day and "
       "open findings. "
       "Say whether all is well; where not, what is wrong and what to do."},
  };
  return all;
}

std::string filled(std::string text, const Json& arguments) {
  for (const auto& [name, value] : arguments.items()) {
    const auto place = "{" + name + "}";
    const auto given = value.is_string() ? value.get<std::string>() : dump(value);
    for (auto at = text.find(place); at != std::string::npos; at = text.find(place, at + given.size()))
      text.replace(at, place.size(), given);
  }
  return text;
}

}  // namespace

std::vector<Prompt> prompts() {
  std::vector<Prompt> all;
  for (const auto& question : questions())
    all.push_back(
        {question.name, question.title, question.description, question.arguments,
         [&question](const ExchangePtr& exchange, const Json& arguments) {
           exchange->finish(
               {{"description", question.description},
                {"messages",
                 Json::array(
                     {{{"role", "user"},
                       {"content", {{"type", "text"}, {"text", filled(question.text, arguments)}}}}})}});
         }});
  return all;
}

}  // namespace rollcall::front::mcp
