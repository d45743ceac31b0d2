#pragma once
#include <span>
#include <string_view>

namespace rollcall {

/// Every refusal, failure and skip carries one of these codes; the cure is what to tell whoever reads it.
/// Codes are promises: programs branch on them. Never rename one.
struct Reason {
  std::string_view code;
  std::string_view cure;
};

std::span<const Reason> all_reasons();
/// The cure for a code, empty where the code is not in the table.
std::string_view cure_for(std::string_view code);

}  // namespace rollcall
