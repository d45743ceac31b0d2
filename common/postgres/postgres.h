#pragma once
#include "common/core/clock.h"
#include "common/core/ids.h"
#include "common/core/json.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// PostgreSQL behind plain values: no libpqxx type leaves this folder.
namespace rollcall::postgres {

/// A parameter or a column: SQL NULL or text in PostgreSQL's own syntax.
using Value = std::optional<std::string>;

Value value(const Uuid& id);
Value value(const std::optional<Uuid>& id);
Value value(const std::string& text);
Value value(const char* text);
Value value(bool flag);
Value value(long number);
Value value(int number);
Value value(const Json& json);
Value value(WallTime time);
/// Array literals for unnest(): the fast way to move many rows in one statement.
Value array(const std::vector<Uuid>& ids);
Value array(const std::vector<std::string>& texts);
Value array(const std::vector<Value>& values);
Value array(const std::vector<long>& numbers);

struct Row {
  std::vector<Value> columns;
  [[nodiscard]] bool is_null(std::size_t i) const { return !columns[i]; }
  [[nodiscard]] std::string text(std::size_t i) const { return columns[i].value_or(""); }
  [[nodiscard]] long number(std::size_t i) const;
  [[nodiscard]] bool flag(std::size_t i) const { return columns[i] == "t"; }
  [[nodiscard]] Uuid uuid(std::size_t i) const;  ///< nil for NULL
  [[nodiscard]] Json json(std::size_t i) const;  ///< null for NULL
};
using Rows = std::vector<Row>;

/// One transaction. Lives inside transact(); belongs to one thread.
class Transaction {
 public:
  virtual ~Transaction() = default;
  /// One statement, parameters as $1, $2, …
  virtual Rows query(const std::string& sql, const std::vector<Value>& parameters = {}) = 0;
  /// The number of rows affected.
  virtual long execute(const std::string& sql, const std::vector<Value>& parameters = {}) = 0;
  /// Rows one by one, for results too large to hold twice.
  virtual void each(const std::string& sql, const std::vector<Value>& parameters,
                    const std::function<void(const Row&)>& row) = 0;
  /// Several statements without parameters, as a migration file has them.
  virtual void script(const std::string& sql) = 0;
};

struct Options {
  std::string url;
  int connections_max = 8;
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds acquire_timeout{30'000};
  std::string application_name = "rollcall";
};

/// A bounded pool of connections, opened when first needed. Safe from any thread. A connection that fails is
/// closed, never reconnected silently: session state would be lost unseen.
class Database {
 public:
  explicit Database(Options options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Runs `work` in a transaction (read committed) and commits. On a serialization failure or deadlock the
  /// whole function runs again from its start, at most 5 times, so it must have no effect but through the
  /// transaction. Throws Error: transient ("database_unavailable") – no connection, or it broke (whether the
  /// commit happened is then unknown); invalid ("database_refused") – the statement or the data is wrong,
  /// with the SQLSTATE in the message; conflict ("database_conflict") – a unique or foreign key was violated.
  template <class Work>
  auto transact(Work work) {
    using Answer = decltype(work(std::declval<Transaction&>()));
    if constexpr (std::is_void_v<Answer>) {
      run([&](Transaction& transaction) { work(transaction); });
    } else {
      std::optional<Answer> answer;
      run([&](Transaction& transaction) { answer.emplace(work(transaction)); });
      return std::move(*answer);
    }
  }

  /// One statement in a transaction of its own.
  Rows query(const std::string& sql, const std::vector<Value>& parameters = {});
  long execute(const std::string& sql, const std::vector<Value>& parameters = {});
  /// A statement that only reads, asked often: prepared once per connection and run without a transaction
  /// around it, so that it costs one round trip and no planning. Asked once more where the connection had
  /// been closed while it lay idle. Errors as transact().
  Rows ask(const std::string& sql, const std::vector<Value>& parameters = {});
  /// Whether a statement gets through now; never throws.
  bool reachable();
  [[nodiscard]] const Options& options() const;

 private:
  void run(const std::function<void(Transaction&)>& work);
  struct State;
  std::unique_ptr<State> state_;
};

/// Removes user and password from a connection URL or keyword string, for logs.
std::string without_password(const std::string& url);

}  // namespace rollcall::postgres
