#include "common/schema/validator.h"

#include "cmake/embedded.h"
#include "common/core/error.h"

#include <map>

#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace rollcall::schema {
namespace {

constexpr std::string_view suffix = ".schema.json";

// valijson's context is "<root>", "[field]", "[0]", …
std::string json_pointer(const std::vector<std::string>& context) {
  std::string pointer;
  for (std::size_t i = 1; i < context.size(); ++i) {
    std::string_view token = context[i];
    if (token.size() >= 2 && token.front() == '[') token = token.substr(1, token.size() - 2);
    pointer += '/';
    for (const char c : token) {
      if (c == '~') {
        pointer += "~0";
      } else if (c == '/') {
        pointer += "~1";
      } else {
        pointer += c;
      }
    }
  }
  return pointer;
}

// The deepest complaint comes first in valijson's queue: it names the field rather than its parent.
Problem problem_of(const valijson::ValidationResults& results) {
  const auto first = results.begin();
  if (first == results.end()) return {"schema_violation", "The message does not match its schema."};
  const std::string pointer = json_pointer(first->context);
  return {"schema_violation",
          (pointer.empty() ? std::string{"The message"} : pointer) + ": " + first->description};
}

}  // namespace

struct Validator::State {
  std::map<std::string, valijson::Schema, std::less<>> schemas;
};

Validator::Validator() : state_(std::make_unique<State>()) {
  for (const auto& file : embedded::message_schemas()) {
    if (!file.name.ends_with(suffix)) continue;
    auto& schema = state_->schemas[std::string{file.name.substr(0, file.name.size() - suffix.size())}];
    try {
      const Json document = Json::parse(file.text);
      valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
      parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(document), schema);
    } catch (const std::exception& error) {
      throw Error(Fault::config, "internal",
                  std::string{file.name} + " is not a usable schema: " + error.what());
    }
  }
}

Validator::~Validator() = default;

bool Validator::knows(std::string_view type) const {
  return state_->schemas.contains(type);
}

std::optional<Problem> Validator::check(std::string_view type, const Json& value) const {
  const auto found = state_->schemas.find(type);
  if (found == state_->schemas.end()) {
    return Problem{"unknown_message_type",
                   "There is no schema for messages of type '" + std::string{type} + "'."};
  }
  // Holds nothing but compiled patterns, which are slow to make and not safe to share between threads.
  thread_local valijson::Validator validator;
  const valijson::adapters::NlohmannJsonAdapter target(value);
  if (validator.validate(found->second, target, nullptr)) return std::nullopt;
  valijson::ValidationResults results;  // a second pass, for the words: only what is wrong pays for it
  validator.validate(found->second, target, &results);
  return problem_of(results);
}

}  // namespace rollcall::schema
