#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rollcall::config {

/// A secret value that prints as "***". reveal() is the one way to its text.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  [[nodiscard]] const std::string& reveal() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }

 private:
  std::string value_;
};

/// Reads an environment variable; nothing where it is not set. Injected so that tests need no environment.
using Environment = std::function<std::optional<std::string>(const std::string&)>;
Environment process_environment();

/// Declares and reads settings in one go: each get_* names the setting, its default and its meaning,
/// remembers them for
/// --help, and returns the parsed value. Mistakes are collected; finish() reports all of them at once.
/// An empty value counts as not set. NAME_FILE is read in place of NAME for every secret (one trailing
/// newline dropped).
class Settings {
 public:
  explicit Settings(Environment environment);

  std::string text(const std::string& name, const std::string& fallback, const std::string& help);
  /// Without a fallback: missing is a mistake.
  std::string required(const std::string& name, const std::string& help);
  Secret secret(const std::string& name, const std::string& help);
  Secret required_secret(const std::string& name, const std::string& help);
  bool flag(const std::string& name, bool fallback, const std::string& help);
  long number(const std::string& name, long fallback, long min, long max, const std::string& help);
  /// "250ms", "30s", "5m", "2h".
  std::chrono::milliseconds duration(const std::string& name, std::chrono::milliseconds fallback,
                                     std::chrono::milliseconds min, std::chrono::milliseconds max,
                                     const std::string& help);
  /// http:// or https:// URL without a trailing slash (one is dropped).
  std::string url(const std::string& name, const std::string& fallback, const std::string& help);
  /// Path of a file that can be read; empty where it is not set.
  std::string file(const std::string& name, const std::string& help);
  void mistake(const std::string& name, const std::string& what);

  /// Throws Error{config, "setting_invalid"} that lists every mistake, if there is any.
  void finish() const;
  /// The table that --help prints: name, default, meaning.
  [[nodiscard]] std::string describe() const;

 private:
  struct Declared {
    std::string name, fallback, help;
  };
  void declare(const std::string& name, const std::string& fallback, const std::string& help);
  std::optional<std::string> lookup(const std::string& name, bool is_secret);
  Environment environment_;
  std::vector<Declared> declared_;
  std::vector<std::string> mistakes_;
};

/// What every process does with its arguments: --help prints purpose and settings, --version, --check-config
/// reads the settings and ends. Returns an exit code to end with, or nothing to go on. Prints to stdout /
/// stderr. `load` declares the settings on what it is given and calls finish().
std::optional<int> handle_arguments(int argc, char** argv, std::string_view program, std::string_view purpose,
                                    const std::function<void(Settings&)>& load);

}  // namespace rollcall::config
