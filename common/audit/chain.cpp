#include "common/audit/chain.h"

#include "common/audit/encoding.h"
#include "common/crypto/crypto.h"

#include <algorithm>

namespace rollcall::audit {
namespace {

constexpr std::size_t id_bytes = 16, month_bytes = 2, hash_bytes = 32;
constexpr std::size_t entry_bytes = id_bytes + month_bytes + hash_bytes;

}  // namespace

std::string write_manifest(std::vector<Entry> entries) {
  std::ranges::sort(entries, {}, &Entry::event_id);
  Encoding manifest(entries.size() * entry_bytes);
  for (const Entry& entry : entries) {
    manifest.raw({reinterpret_cast<const char*>(entry.event_id.bytes.data()), id_bytes})
        .month(entry.month)
        .raw(entry.content);
  }
  return manifest.bytes();
}

std::optional<std::vector<Entry>> read_manifest(const std::string& bytes) {
  if (bytes.size() % entry_bytes != 0) return std::nullopt;
  std::vector<Entry> entries(bytes.size() / entry_bytes);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const char* at = bytes.data() + i * entry_bytes;
    std::copy_n(at, id_bytes, entries[i].event_id.bytes.begin());
    const auto high = static_cast<unsigned char>(at[id_bytes]);
    const auto low = static_cast<unsigned char>(at[id_bytes + 1]);
    entries[i].month = static_cast<std::uint16_t>(high << 8 | low);
    entries[i].content.assign(at + id_bytes + month_bytes, hash_bytes);
    if (i > 0 && entries[i - 1].event_id >= entries[i].event_id) return std::nullopt;
  }
  return entries;
}

std::string first_root() {
  return std::string(hash_bytes, '\0');
}

std::string root_of(const Chain& chain, const Seal& seal) {
  return crypto::sha256(Encoding(256)
                            .text("rollcall-audit-seal-1")
                            .number(seal.chain)
                            .text(chain.topic)
                            .number(chain.partition)
                            .number(seal.number)
                            .number(seal.generation)
                            .number(seal.first_offset)
                            .number(seal.next_offset)
                            .number(seal.events)
                            .number(seal.sealed_at)
                            .text(seal.previous)
                            .raw(crypto::sha256(seal.manifest))
                            .bytes());
}

}  // namespace rollcall::audit
