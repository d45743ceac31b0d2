#pragma once
#include "common/core/json.h"

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Copilot's actions as data: what each takes, which operation of the interface it is, and what of that
/// operation's answer Copilot gets.
namespace rollcall::front {

struct CopilotRequest {
  std::string operation_id;
  std::map<std::string, std::string, std::less<>> path = {};
  std::vector<std::pair<std::string, std::string>> query = {};
  Json body = {};
};

struct CopilotAction {
  std::string_view id;          ///< also its operationId
  std::string_view summary;     ///< for the model that chooses among them
  bool changes;                 ///< something; Copilot asks its user first
  std::string_view parameters;  ///< the component of schemas/openapi that they must match
  std::string_view answer;      ///< the component that the answer matches
  std::string_view item;        ///< of a list: the component of its items, whose members "fields" may name
  CopilotRequest (*request)(const Json& parameters);
  /// `answer`: the operation's. `root`: absolute links begin with it.
  Json (*answered)(const Json& answer, const Json& parameters, std::string_view root);
};

std::span<const CopilotAction> copilot_actions();
/// Null where there is none.
const CopilotAction* find_copilot_action(std::string_view id);
/// The first name in the parameter "fields" that no item has; empty where all is well.
std::string unknown_field(const CopilotAction& action, const Json& parameters);

/// Whether `said`, what a body says of its caller, is the token's `identity` ("<tid>/<oid>") or one of the
/// token's names for a person.
bool is_caller(std::string_view said, const std::string& identity, const std::vector<std::string>& names);

}  // namespace rollcall::front
