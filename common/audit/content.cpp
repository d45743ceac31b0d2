#include "common/audit/content.h"

#include "common/audit/encoding.h"
#include "common/crypto/crypto.h"

#include <chrono>

namespace rollcall::audit {
namespace {

std::string actor_commitment(const Content& row) {
  if (row.actor_commitment) return *row.actor_commitment;
  return crypto::sha256(Encoding(128).text("actor").text(row.actor_salt).text(row.actor).bytes());
}

std::string subject_commitment(const Content& row) {
  if (row.subject_commitment) return *row.subject_commitment;
  return crypto::sha256(Encoding(128 + row.detail.size())
                            .text("subject")
                            .text(row.subject_salt)
                            .text(row.member_object_id)
                            .text(row.detail)
                            .bytes());
}

}  // namespace

std::string content_hash(const Content& row) {
  return crypto::sha256(Encoding(512)
                            .text("rollcall-audit-event-1")
                            .raw({reinterpret_cast<const char*>(row.event_id.bytes.data()), 16})
                            .number(row.occurred_at)
                            .number(row.recorded_at)
                            .text(row.tenant_id)
                            .text(row.organization_id)
                            .text(row.group_id)
                            .text(row.run_id)
                            .text(row.action)
                            .text(row.graph_request_id)
                            .raw(actor_commitment(row))
                            .raw(subject_commitment(row))
                            .bytes());
}

bool well_formed(const Content& row) {
  const bool actor = row.actor_commitment ? row.actor_erasure && !row.actor_salt && row.actor == erased_actor
                                          : !row.actor_erasure;
  const bool subject = row.subject_commitment ? row.subject_erasure && !row.subject_salt &&
                                                    !row.member_object_id && row.detail == "{}"
                                              : !row.subject_erasure;
  return actor && subject;
}

std::uint16_t month_of(std::int64_t occurred_at) {
  using namespace std::chrono;
  const year_month_day day{floor<days>(sys_time<microseconds>{microseconds{occurred_at}})};
  const int months = (static_cast<int>(day.year()) - 1970) * 12 + static_cast<int>(unsigned{day.month()}) - 1;
  return static_cast<std::uint16_t>(months);
}

}  // namespace rollcall::audit
