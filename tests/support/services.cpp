#include "tests/support/services.h"

#include "common/crypto/crypto.h"
#include "common/postgres/migrate.h"
#include "common/postgres/postgres.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace rollcall::test {
namespace {

std::string variable(const char* name, const char* example) {
  const char* found = std::getenv(name);
  if (found && *found) return found;
  throw std::runtime_error(std::string(name) +
                           " is not set: run the tests with ops/test, or set it yourself, e.g. " + name +
                           "=" + example);
}

/// CREATE and DROP DATABASE refuse to run inside a transaction, which is all that Database offers. dblink is
/// not there by default either, so psql, which comes with the server, does these two.
void outside_transaction(const std::string& sql) {
  const std::string url = database_url();
  if (url.find('\'') != std::string::npos)
    throw std::runtime_error("ROLLCALL_TEST_DATABASE_URL may not contain a quote");
  const std::string command = "psql --no-psqlrc -qX -v ON_ERROR_STOP=1 -d '" + url + "' -c '" + sql + "' >&2";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + sql + " (is psql installed?)");
}

class Databases {
 public:
  ~Databases() {
    for (const auto& name : names_) {
      try {
        outside_transaction("DROP DATABASE IF EXISTS \"" + name + "\" WITH (FORCE)");
      } catch (const std::exception&) {  // a leftover in a throw-away cluster; psql has said why
      }
    }
  }
  void make(const std::string& name, const std::string& model) {
    outside_transaction("CREATE DATABASE \"" + name + "\" TEMPLATE \"" + model + "\"");
    const std::lock_guard lock(mutex_);
    names_.push_back(name);
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> names_;
};

std::string copy_of(const std::string& model) {
  static Databases databases;
  const std::string name = unique("rollcall-test");
  databases.make(name, model);
  return name;
}

/// The URL given, with another database: the path, after the authority and before the query.
std::string url_of(const std::string& name) {
  const std::string url = database_url();
  const auto authority = url.find("://");
  if (authority == std::string::npos)
    throw std::runtime_error("ROLLCALL_TEST_DATABASE_URL must be a postgresql:// URL");
  const auto query = std::min(url.find('?'), url.size());
  const auto path = std::min(url.find('/', authority + 3), query);
  return url.substr(0, path) + "/" + name + url.substr(query);
}

}  // namespace

std::string database_url() {
  return variable("ROLLCALL_TEST_DATABASE_URL", "postgresql://rollcall@127.0.0.1:5432/rollcall");
}
std::string kafka_brokers() {
  return variable("ROLLCALL_TEST_KAFKA_BROKERS", "127.0.0.1:9092");
}
std::string unique(const std::string& prefix) {
  return prefix + "-" + crypto::random_hex(6);
}

std::string fresh_database() {
  return url_of(copy_of("template0"));
}

std::string migrated_database() {
  // Migrating takes half a second, a copy a tenth of that.
  static const std::string model = [] {
    const std::string name = copy_of("template0");
    postgres::Database database({.url = url_of(name)});
    postgres::migrate(database, postgres::project_migrations());
    return name;
  }();
  return url_of(copy_of(model));
}

}  // namespace rollcall::test
