#pragma once
#include <string>

#include <CLI/CLI.hpp>

/// What is wrong with a command line, for arguments.cpp.
namespace rollcall::cli {

/// The commands typed so far, as "rollcall org".
std::string words_of(CLI::App& app);
/// What is wrong, in words: the parser says of a command that it does not know only that one is missing.
std::string complaint(CLI::App& app, const CLI::ParseError& error);

}  // namespace rollcall::cli
