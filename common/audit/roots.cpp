#include "common/audit/roots.h"

#include "common/core/clock.h"
#include "common/core/hex.h"
#include "common/core/json.h"
#include "common/kafka/reader.h"
#include "common/postgres/bytea.h"
#include "common/runs/runs.h"

namespace rollcall::audit {
namespace {

std::optional<std::string> unhex(const std::string& text) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < text.size(); at += 2) {
    const int high = hex_value(text[at]), low = hex_value(text[at + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return text.size() == 64 ? std::optional(bytes) : std::nullopt;
}

}  // namespace

kafka::Message root_message(const std::string& topic, const std::string& trail, const Chain& chain,
                            const Seal& seal) {
  const WallTime sealed{std::chrono::milliseconds{seal.sealed_at / 1000}};
  const std::string at = to_rfc3339(sealed);
  const std::string place = trail + "/" + chain.topic + "/" + std::to_string(chain.partition);
  const Json value = {{"trail_id", trail},
                      {"chain", seal.chain},
                      {"topic", chain.topic},
                      {"partition", chain.partition},
                      {"generation", seal.generation},
                      {"number", seal.number},
                      {"next_offset", seal.next_offset},
                      {"events", seal.events},
                      {"sealed_at", at},
                      {"root", postgres::bytea(seal.root)->substr(2)}};
  return runs::make_message(topic, place + "/" + at.substr(0, 10), root_type,
                            place + "/" + std::to_string(seal.number), value, sealed);
}

std::map<std::int64_t, std::map<std::int64_t, std::string>> published_roots(
    const kafka::Options& options, const std::string& topic, const std::string& trail,
    std::chrono::milliseconds timeout) {
  std::map<std::int64_t, std::map<std::int64_t, std::string>> roots;
  const auto ranges = kafka::topic_ranges(options, topic, timeout);
  kafka::read_ranges(options, topic, ranges, [&](const kafka::Message& message) {
    if (!message.key.starts_with(trail)) return true;
    const auto value = parse_json(message.value);
    if (!value || !value->is_object() || text_member(*value, "trail_id") != trail) return true;
    const auto chain = value->find("chain"), number = value->find("number");
    const auto root = unhex(text_member(*value, "root"));
    if (chain == value->end() || !chain->is_number_integer() || number == value->end() ||
        !number->is_number_integer() || !root)
      return true;
    roots[chain->get<std::int64_t>()].emplace(number->get<std::int64_t>(), *root);
    return true;
  });
  return roots;
}

}  // namespace rollcall::audit
