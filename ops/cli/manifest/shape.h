#pragma once
#include "ops/cli/manifest/mistakes.h"

#include <span>
#include <string_view>

namespace rollcall::cli::manifest {

enum class Kind {
  text,
  flag,
  object,
  texts,
  objects,
  list,  ///< of what somebody else looks at
};

/// What a text must look like, beyond saying something.
enum class Form {
  free,         ///< anything, but a translation's key: the package holds no translations
  unbracketed,  ///< what must never be a translation's key: does not begin with [[ nor end with ]]
  https_url,    ///< absolute, with a host
  guid,
  colour,
  version,
  package_path,  ///< relative, within the package
  source_path,   ///< relative to the sources; may lead out of them
  name,          ///< of a function
  namespace_,
  reference,    ///< an id of the Teams developer portal
  answer_path,  ///< RFC 9535, from the answer's root
};

/// One key of a file, as data. A key that no table names is a mistake.
struct Field {
  std::string_view name;
  Kind kind = Kind::text;
  bool required = false;
  std::size_t max = 0;  ///< of a text: UTF-16 units (0: 4,000); of a list: entries (0: any number)
  Form form = Form::free;
  std::span<const Field> fields = {};              ///< of an object, or of each in a list
  std::span<const std::string_view> choices = {};  ///< of a text, or of each in a list; empty: any
};

/// Reports every key that is unknown, missing, of the wrong type or against its form.
void check_shape(const Json& value, std::span<const Field> fields, const std::string& file,
                 const std::string& pointer, Report& report);

/// How JavaScript counts, and the widest count there is: Microsoft does not say which it means.
std::size_t utf16_units(std::string_view text);

/// The three files and an environment's, and the keys of each type of capability.
std::span<const Field> agent_fields();
std::span<const Field> actions_fields();
std::span<const Field> capabilities_fields();
/// Nothing (an empty span) where there is no such type.
std::span<const Field> capability_fields(std::string_view type);
std::string capability_types();

}  // namespace rollcall::cli::manifest
