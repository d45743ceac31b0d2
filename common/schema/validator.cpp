#include "common/schema/validator.h"

#include "cmake/embedded.h"
#include "common/core/error.h"

#include <map>

// Without it valijson ends the whole process where it meets what it does not expect.
#define VALIJSON_USE_EXCEPTIONS 1
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

std::string article_for(const std::string& pointer) {
  return pointer.empty() ? "The message" : pointer;
}

}  // namespace

struct Validator::State {
  std::map<std::string, valijson::Schema, std::less<>> schemas;
};

namespace {

std::map<std::string, Json> message_schemas() {
  std::map<std::string, Json> schemas;
  for (const auto& file : embedded::message_schemas())
    if (file.name.ends_with(suffix))
      schemas[std::string{file.name.substr(0, file.name.size() - suffix.size())}] = Json::parse(file.text);
  return schemas;
}

}  // namespace

Validator::Validator() : Validator(message_schemas()) {}

Validator::Validator(const std::map<std::string, Json>& schemas) : state_(std::make_unique<State>()) {
  for (const auto& [name, document] : schemas) {
    try {
      valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
      parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(document), state_->schemas[name]);
    } catch (const std::exception& error) {
      throw Error(Fault::config, "internal", name + " is not a usable schema: " + error.what());
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
  const auto wrong = mistakes(type, value);
  if (wrong.empty()) return std::nullopt;
  return Problem{"schema_violation", article_for(wrong[0].pointer) + ": " + wrong[0].what};
}

std::vector<Mistake> Validator::mistakes(std::string_view name, const Json& value) const {
  constexpr std::size_t mistakes_max = 20;
  const auto& schema = state_->schemas.find(name)->second;
  // Holds nothing but compiled patterns, which are slow to make and not safe to share between threads.
  thread_local valijson::Validator validator;
  const valijson::adapters::NlohmannJsonAdapter target(value);
  valijson::ValidationResults results;
  try {
    if (validator.validate(schema, target, nullptr)) return {};
    validator.validate(schema, target, &results);  // a second pass, for the words: only what is wrong pays
  } catch (const std::exception& error) {
    return {{"", std::string("cannot be judged: ") + error.what()}};
  }
  // The deepest complaint comes first in valijson's queue: it names the field rather than its parent.
  std::vector<Mistake> wrong;
  for (const auto& error : results) {
    if (wrong.size() == mistakes_max) break;
    wrong.push_back({json_pointer(error.context), error.description});
  }
  if (wrong.empty()) wrong.push_back({"", "does not match its schema"});
  return wrong;
}

}  // namespace rollcall::schema
