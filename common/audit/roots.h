#pragma once
#include "common/audit/chain.h"
#include "common/kafka/kafka.h"

#include <chrono>
#include <map>
#include <string>

/// Roots outside the database: on a compacted topic, so that who can rewrite the tables cannot rewrite
/// history.
namespace rollcall::audit {

inline constexpr const char* root_type = "rollcall.audit-root.v1";

inline std::string roots_topic(const std::string& prefix) {
  return prefix + ".audit-roots";
}

/// Keyed by trail, partition and day: the last root of every day stays for good.
kafka::Message root_message(const std::string& topic, const std::string& trail, const Chain& chain,
                            const Seal& seal);

/// Chain → number of the seal → root, of this trail. What cannot be read is passed over. Throws
/// Error{transient, "kafka_unavailable"}; a topic that is not there holds none.
std::map<std::int64_t, std::map<std::int64_t, std::string>> published_roots(
    const kafka::Options& options, const std::string& topic, const std::string& trail,
    std::chrono::milliseconds timeout);

}  // namespace rollcall::audit
