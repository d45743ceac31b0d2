#pragma once
#include <string>

/// The services that integration tests run on; `ops/test` starts them and sets the variables.
namespace rollcall::test {

/// ROLLCALL_TEST_DATABASE_URL; throws with what to do where it is not set.
std::string database_url();
/// A new empty database on that server, as a URL; dropped when the test program ends.
std::string fresh_database();
/// The same with Rollcall's tables.
std::string migrated_database();
/// ROLLCALL_TEST_KAFKA_BROKERS; throws with what to do where it is not set.
std::string kafka_brokers();
/// "prefix-<random>", for topics, groups and whatever else tests must not share.
std::string unique(const std::string& prefix);

}  // namespace rollcall::test
