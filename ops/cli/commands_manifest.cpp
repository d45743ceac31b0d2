#include "ops/cli/commands.h"
#include "ops/cli/manifest/archive.h"
#include "ops/cli/manifest/package.h"
#include "ops/cli/manifest/published.h"

#include <filesystem>
#include <fstream>
#include <iterator>

/// The package of the Microsoft 365 Copilot agent, from schemas/agent. Needs neither database nor Kafka.
namespace rollcall::cli {
namespace {

namespace fs = std::filesystem;

/// Of whom the committed package speaks; anybody else builds their own.
constexpr const char* committed_environment = "contoso";
constexpr const char* committed_folder = "generated";
constexpr std::uintmax_t file_bytes_max = 8'388'608;

std::optional<std::string> read_file(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error) || fs::file_size(path, error) > file_bytes_max) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

manifest::ReadFile reader_of(const fs::path& folder) {
  return [folder](const std::string& path) { return read_file(folder / path); };
}

void write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << bytes;
  if (!out.flush()) throw Failure(failed, "file_not_written", "cannot write " + path.string());
}

fs::path sources_of(const Arguments& arguments) {
  const fs::path folder = arguments.sources.empty() ? "schemas/agent" : arguments.sources;
  std::error_code error;
  if (!fs::is_directory(folder, error))
    throw Failure(not_found, "file_not_found", "there is no folder " + folder.string(),
                  "Run it in Rollcall's checkout, or name the folder of the sources by --sources.");
  return folder;
}

manifest::Values values_of(const Arguments& arguments) {
  manifest::Values values;
  for (const auto& word : arguments.set) {
    const auto at = word.find('=');
    if (at == 0 || at == std::string::npos)
      throw Failure(usage, "usage", "--set '" + word + "' is not NAME=VALUE",
                    "See 'rollcall manifest build --help'.");
    values[word.substr(0, at)] = word.substr(at + 1);
  }
  return values;
}

/// Prints what is wrong, each on its own line; the exit code.
int tell(Context& context, std::vector<manifest::Mistake> mistakes, const fs::path& sources, Json answer,
         const std::string& good) {
  answer["valid"] = mistakes.empty();
  answer["mistakes"] = Json::array();
  for (auto& mistake : mistakes) {
    if (mistake.file != manifest::typed_values)
      mistake.file = (sources / mistake.file).lexically_normal().string();
    answer["mistakes"].push_back(manifest::to_json(mistake));
    context.output.line(printable(manifest::to_text(mistake)));
  }
  context.output.document(answer);
  if (mistakes.empty()) context.output.line(good);
  return mistakes.empty() ? done : failed;
}

}  // namespace

int manifest_build(Context& context, const Arguments& arguments) {
  const fs::path sources = sources_of(arguments);
  const auto values = values_of(arguments);
  const std::string environment =
      arguments.environment.empty() && values.empty() ? committed_environment : arguments.environment;
  const bool commits = environment == committed_environment && values.empty();
  if (arguments.out.empty() && !commits)
    throw Failure(usage, "usage", "manifest build needs --out for a package of your own",
                  "The default folder holds the committed one: name another.");
  const auto built = manifest::build(reader_of(sources), environment, values);
  if (!built.package) return tell(context, built.mistakes, sources, Json::object(), "");
  const fs::path out = arguments.out.empty() ? sources / committed_folder : fs::path(arguments.out);
  std::error_code error;
  fs::create_directories(out, error);
  Json written = Json::array();
  for (const auto& [path, text] : built.package->documents) {
    write_file(out / path, text);
    written.push_back((out / path).string());
  }
  const fs::path archive = out / (built.package->name + ".zip");
  write_file(archive, manifest::archive_of(*built.package));
  written.push_back(archive.string());
  return tell(context, {}, sources, {{"package", archive.string()}, {"written", written}},
              "wrote " + archive.string() + " and, beside it, the " +
                  std::to_string(built.package->documents.size()) + " documents in it");
}

int manifest_check(Context& context, const Arguments& arguments) {
  const fs::path sources = sources_of(arguments);
  const auto built = manifest::build(reader_of(sources), committed_environment, {});
  auto mistakes = built.mistakes;
  if (built.package) {
    std::map<std::string, std::string> committed;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(sources / committed_folder, error))
      if (entry.path().extension() != ".zip")  // made of the others, and not committed
        committed[entry.path().filename().string()] = read_file(entry.path()).value_or("");
    mistakes = manifest::drift(*built.package, committed, committed_folder);
    if (!arguments.published.empty()) {
      const auto more =
          manifest::check_published(*built.package, committed_folder, reader_of(arguments.published));
      mistakes.insert(mistakes.end(), more.begin(), more.end());
    }
  }
  const Json answer = {{"sources", sources.string()}, {"published_schemas", !arguments.published.empty()}};
  return tell(context, mistakes, sources, answer,
              "nothing is wrong with " + sources.string() +
                  (arguments.published.empty() ? "" : ", by the published schemas too"));
}

}  // namespace rollcall::cli
