#include "common/postgres/postgres.h"

#include "common/core/error.h"
#include "common/log/log.h"
#include "common/postgres/connection_string.h"
#include "common/postgres/copy.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>

#include <fmt/format.h>
#include <pqxx/pqxx>
#include <pqxx/tablewriter>

namespace rollcall::postgres {
namespace {

constexpr int attempts_max = 5;
constexpr const char* fetch_size = "1000";

/// A serialization failure or deadlock: run() catches it and runs the work again; whoever else sees it sees
/// an Error.
struct Rerun : Error {
  explicit Rerun(const std::string& why)
      : Error(Fault::transient, "database_unavailable",
              "the transaction kept losing to concurrent ones: " + why) {}
};

std::string one_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.pop_back();
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return text;
}

/// SQLSTATE classes that say "not now" instead of "not ever": connection (08), resources (53), operator
/// intervention and shutdown (57), system (58), locks and objects in use (55).
bool means_later(const std::string& sqlstate) {
  const std::string kind = sqlstate.substr(0, 2);
  return kind == "08" || kind == "53" || kind == "57" || kind == "58" || sqlstate == "55P03" ||
         sqlstate == "55006";
}

/// The one place where libpqxx's exceptions become ours. Called inside a catch block.
[[noreturn]] void translate() {
  const auto unavailable = [](const std::string& why) {
    return Error(Fault::transient, "database_unavailable", "PostgreSQL: " + one_line(why));
  };
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const pqxx::serialization_failure& e) {
    throw Rerun(one_line(e.what()));
  } catch (const pqxx::deadlock_detected& e) {
    throw Rerun(one_line(e.what()));
  } catch (const pqxx::broken_connection& e) {
    throw unavailable(e.what());
  } catch (const pqxx::in_doubt_error& e) {
    throw unavailable(std::string("whether the commit happened is unknown: ") + e.what());
  } catch (const pqxx::statement_completion_unknown& e) {
    throw unavailable(std::string("whether the statement was carried out is unknown: ") + e.what());
  } catch (const pqxx::sql_error& e) {
    const std::string& state = e.sqlstate();
    if (state == "40001" || state == "40P01") throw Rerun(one_line(e.what()));
    if (state.empty() || means_later(state)) throw unavailable(e.what());
    const std::string text = "PostgreSQL (SQLSTATE " + state + "): " + one_line(e.what());
    if (state == "23505" || state == "23503") throw Error(Fault::conflict, "database_conflict", text);
    throw Error(Fault::invalid, "database_refused", text);
  } catch (const pqxx::transaction_rollback& e) {
    throw Rerun(one_line(e.what()));
  } catch (const pqxx::failure&
               e) {  // plain failures of libpqxx: the protocol, or a connection in the middle of something
    throw unavailable(e.what());
  } catch (const pqxx::pqxx_exception& e) {  // usage, argument and conversion errors: the statement's
    throw Error(Fault::invalid, "database_refused", std::string("PostgreSQL: ") + one_line(e.base().what()));
  }
}

/// libpqxx prints notices on stderr, between our log lines, unless someone takes them.
class Notices final : public pqxx::errorhandler {
 public:
  explicit Notices(pqxx::connection_base& connection) : errorhandler(connection) {}
  bool operator()(const char text[]) noexcept override {
    try {
      log::debug("postgres_notice", {{"text", one_line(text)}});
    } catch (...) {  // a notice is never worth failing for
    }
    return false;
  }
};

/// Views into `parameters`.
std::vector<const char*> texts_of(const std::vector<Value>& parameters) {
  std::vector<const char*> texts;
  texts.reserve(parameters.size());
  for (const Value& parameter : parameters) {
    // It would be cut at the NUL without a word; PostgreSQL has no such text anyway.
    if (parameter && parameter->find('\0') != std::string::npos) {
      throw Error(Fault::invalid, "database_refused",
                  "PostgreSQL (SQLSTATE 22021): a text contains a NUL character");
    }
    texts.push_back(parameter ? parameter->c_str() : nullptr);
  }
  return texts;
}

Row copy(const pqxx::row& row) {
  Row out;
  out.columns.reserve(row.size());
  for (const auto& field : row) {
    out.columns.push_back(field.is_null() ? Value() : Value(std::string(field.c_str(), field.size())));
  }
  return out;
}

Rows copy(const pqxx::result& result) {
  Rows rows;
  rows.reserve(result.size());
  for (const auto& row : result)
    rows.push_back(copy(row));
  return rows;
}

struct Connection {
  explicit Connection(const std::string& text) : raw(text), notices(raw) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    raw.inhibit_reactivation(
        true);  // a silent reconnect would lose locks and settings unseen; 7.x dropped the feature
#pragma GCC diagnostic pop
  }
  /// Runs a statement that only reads, prepared when it comes first.
  Rows ask(const std::string& sql, const std::vector<Value>& parameters) {
    const auto texts = texts_of(parameters);
    try {
      auto known = prepared.find(sql);
      if (known == prepared.end()) {
        const std::string name = "rollcall_" + std::to_string(prepared.size());
        raw.prepare(name, sql);
        known = prepared.emplace(sql, name).first;
      }
      pqxx::nontransaction work(raw);
      return copy(work.exec_prepared(known->second, pqxx::prepare::make_dynamic_params(texts)));
    } catch (...) {
      translate();
    }
  }
  pqxx::connection raw;
  Notices notices;
  std::map<std::string, std::string> prepared;  ///< names by statement
};

class PqxxTransaction final : public Transaction {
 public:
  explicit PqxxTransaction(pqxx::connection& connection) : work_(connection) {}

  Rows query(const std::string& sql, const std::vector<Value>& parameters) override {
    return guarded([&] { return copy(run(sql, parameters)); });
  }

  long execute(const std::string& sql, const std::vector<Value>& parameters) override {
    return guarded([&] { return static_cast<long>(run(sql, parameters).affected_rows()); });
  }

  void each(const std::string& sql, const std::vector<Value>& parameters,
            const std::function<void(const Row&)>& row) override {
    const std::string cursor = "rollcall_each_" + std::to_string(++cursors_);
    guarded([&] { run("DECLARE " + cursor + " NO SCROLL CURSOR FOR " + sql, parameters); });
    const std::string fetch = std::string("FETCH ") + fetch_size + " FROM " + cursor;
    while (true) {
      const auto batch = guarded([&] { return work_.exec(fetch); });
      if (batch.empty()) break;
      for (const auto& item : batch)
        row(copy(item));
    }
    guarded([&] { work_.exec("CLOSE " + cursor); });
  }

  void script(const std::string& sql) override {
    guarded([&] { work_.exec(sql); });
  }

  void copy_in(const std::string& table, const std::vector<std::string>& columns, const std::string& lines) {
    guarded([&] {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
      // libpqxx 6 has no other that takes rows of any width.
      pqxx::tablewriter writer(work_, table, columns.begin(), columns.end());
#pragma GCC diagnostic pop
      writer.write_raw_line(lines);
      writer.complete();
    });
  }

  void commit() {
    // Where the work swallowed an error, PostgreSQL would answer COMMIT with a rollback and libpqxx would not
    // say so.
    if (failed_) std::rethrow_exception(failed_);
    guarded([&] { work_.commit(); });
  }

 private:
  template <class Call>
  auto guarded(Call call) -> decltype(call()) {
    try {
      try {
        return call();
      } catch (...) {
        translate();
      }
    } catch (...) {
      if (!failed_) failed_ = std::current_exception();
      throw;
    }
  }

  pqxx::result run(const std::string& sql, const std::vector<Value>& parameters) {
    const auto texts = texts_of(parameters);
    return work_.exec_params(sql, pqxx::prepare::make_dynamic_params(texts));
  }

  pqxx::work work_;
  std::exception_ptr failed_;
  int cursors_ = 0;
};

}  // namespace

struct Database::State {
  explicit State(Options given) : options(std::move(given)), text(connection_string(options)) {}

  std::unique_ptr<Connection> open() {
    try {
      return std::make_unique<Connection>(text);
    } catch (const std::exception& e) {
      // libpq repeats a connection string that it cannot parse, password and all.
      std::string why = one_line(e.what());
      for (const std::string& secret : {text, options.url}) {
        if (const auto at = why.find(secret); !secret.empty() && at != std::string::npos) {
          why.replace(at, secret.size(), without_password(options.url));
        }
      }
      throw Error(Fault::transient, "database_unavailable",
                  "no connection to PostgreSQL at " + without_password(options.url) + ": " + why);
    }
  }

  /// A place in the pool; an idle connection, or none where one has to be opened.
  std::unique_ptr<Connection> acquire() {
    std::unique_lock lock(mutex);
    if (!freed.wait_for(lock, options.acquire_timeout, [&] { return in_use < options.connections_max; })) {
      throw Error(Fault::transient, "database_unavailable",
                  fmt::format("all {} connections to PostgreSQL have been in use for {} ms",
                              options.connections_max, options.acquire_timeout.count()));
    }
    ++in_use;
    if (idle.empty()) return nullptr;
    auto connection = std::move(idle.back());
    idle.pop_back();
    return connection;
  }

  void release(std::unique_ptr<Connection> connection, bool usable) {
    std::vector<std::unique_ptr<Connection>> stale;  // closed after the lock is given up
    {
      const std::lock_guard lock(mutex);
      --in_use;
      if (connection && usable && connection->raw.is_open()) {
        idle.push_back(std::move(connection));
      } else if (connection) {
        // What broke one (a restart, a failover) most likely broke those that lie idle too: one failed call,
        // not eight.
        stale.swap(idle);
      }
    }
    freed.notify_one();
  }

  /// Only a connection that ended its work cleanly goes back.
  struct Lease {
    State& state;
    std::unique_ptr<Connection>& connection;
    bool usable = false;
    ~Lease() { state.release(std::move(connection), usable); }
  };

  const Options options;
  const std::string text;
  std::mutex mutex;
  std::condition_variable freed;
  std::vector<std::unique_ptr<Connection>> idle;
  int in_use = 0;
};

void copy_in(Transaction& transaction, const std::string& table, const std::vector<std::string>& columns,
             const std::vector<std::vector<Value>>& rows) {
  if (rows.empty()) return;
  // The only transactions there are: transact() makes them.
  dynamic_cast<PqxxTransaction&>(transaction).copy_in(table, columns, copy_lines(rows));
}

Database::Database(Options options) : state_(std::make_unique<State>(std::move(options))) {}
Database::~Database() = default;

void Database::run(const std::function<void(Transaction&)>& work) {
  auto connection = state_->acquire();
  // libpqxx rolls back in the transaction's destructor.
  State::Lease lease{*state_, connection};

  std::unique_ptr<PqxxTransaction> transaction;
  const auto begin = [&] {
    try {
      transaction = std::make_unique<PqxxTransaction>(connection->raw);
    } catch (...) {
      translate();
    }
  };
  for (int attempt = 1;; ++attempt) {
    const bool reused = connection != nullptr && attempt == 1;
    if (!connection) connection = state_->open();
    try {
      begin();
    } catch (const Error& error) {
      // The server closed it while it lay idle. Nothing of ours has run yet, so a new connection may be tried
      // unseen.
      if (!reused || error.fault() != Fault::transient) throw;
      log::info("database_connection_replaced", {{"why", error.what()}});
      connection = state_->open();
      begin();
    }
    try {
      work(*transaction);
      transaction->commit();
      transaction.reset();
      lease.usable = true;
      return;
    } catch (const Rerun& error) {
      transaction.reset();
      lease.usable = true;
      if (attempt == attempts_max) throw;
      log::debug("database_transaction_rerun", {{"attempt", attempt}, {"why", error.what()}});
    } catch (...) {
      transaction.reset();
      lease.usable = true;  // release() still looks whether it is open
      throw;
    }
    lease.usable = false;
  }
}

Rows Database::query(const std::string& sql, const std::vector<Value>& parameters) {
  return transact([&](Transaction& transaction) { return transaction.query(sql, parameters); });
}

long Database::execute(const std::string& sql, const std::vector<Value>& parameters) {
  return transact([&](Transaction& transaction) { return transaction.execute(sql, parameters); });
}

Rows Database::ask(const std::string& sql, const std::vector<Value>& parameters) {
  auto connection = state_->acquire();
  State::Lease lease{*state_, connection};
  const bool reused = connection != nullptr;
  if (!connection) connection = state_->open();
  try {
    lease.usable = true;  // release() still looks whether it is open
    return connection->ask(sql, parameters);
  } catch (const Error& error) {
    if (!reused || error.fault() != Fault::transient || connection->raw.is_open()) throw;
    log::info("database_connection_replaced", {{"why", error.what()}});
    lease.usable = false;
    connection = state_->open();
    lease.usable = true;
    return connection->ask(sql, parameters);
  }
}

const Options& Database::options() const {
  return state_->options;
}

bool Database::reachable() {
  try {
    query("SELECT 1");
    return true;
  } catch (const std::exception& error) {
    log::debug("database_unreachable", log::describe(error));
    return false;
  }
}

}  // namespace rollcall::postgres
