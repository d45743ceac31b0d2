#include "workers/front/core/positions.h"

#include <algorithm>
#include <charconv>

namespace rollcall::front {
namespace {

constexpr int base = 36;
constexpr char separator = '.';
constexpr std::size_t partitions_max = 1000;

}  // namespace

std::string write_positions(const Positions& positions) {
  std::string id;
  for (const auto position : positions) {
    char digits[16];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, position, base);
    if (!id.empty()) id += separator;
    id.append(digits, end);
  }
  return id;
}

std::optional<Positions> read_positions(std::string_view id) {
  Positions positions;
  while (positions.size() < partitions_max) {
    const auto part = id.substr(0, id.find(separator));
    std::int64_t position = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), position, base);
    if (error != std::errc{} || end != part.data() + part.size() || position < 0) return std::nullopt;
    positions.push_back(position);
    if (part.size() == id.size()) return positions;
    id.remove_prefix(part.size() + 1);
  }
  return std::nullopt;
}

std::int64_t position_of(const Positions& positions, std::size_t partition) {
  return partition < positions.size() ? positions[partition] : 0;
}

void advance(Positions& positions, std::size_t partition, std::int64_t offset) {
  if (partition >= positions.size()) positions.resize(partition + 1);
  positions[partition] = offset + 1;
}

bool covers(const Positions& left, const Positions& right) {
  for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i)
    if (position_of(left, i) < position_of(right, i)) return false;
  return true;
}

Positions later_of(Positions left, const Positions& right) {
  left.resize(std::max(left.size(), right.size()));
  for (std::size_t i = 0; i < right.size(); ++i)
    left[i] = std::max(left[i], right[i]);
  return left;
}

bool can_resume(const std::vector<Held>& held, const Positions& wanted, const Positions& now,
                std::int64_t messages_max) {
  if (wanted.size() > held.size()) return false;
  std::int64_t messages = 0;
  for (std::size_t i = 0; i < held.size(); ++i) {
    const auto position = position_of(wanted, i);
    if (position < held[i].first || position > held[i].next) return false;
    messages += std::max<std::int64_t>(position_of(now, i) - position, 0);
  }
  return messages <= messages_max;
}

}  // namespace rollcall::front
