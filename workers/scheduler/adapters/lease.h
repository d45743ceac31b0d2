#pragma once
#include "common/postgres/postgres.h"

#include <chrono>
#include <functional>
#include <optional>
#include <string>

/// Who leads: a row of ops.leases, by the database's clock alone.
namespace rollcall::scheduler {

/// The right to write, won with one acquisition of the lease.
class Term {
 public:
  Term(postgres::Database& database, std::string lease, long fencing, std::chrono::milliseconds patience)
      : database_(database), lease_(std::move(lease)), fencing_(fencing), patience_(patience) {}

  /// A transaction that no later holder of the lease can overlap with. Throws Error{conflict,
  /// "leadership_lost"} where there is one already; else as Database::transact().
  template <class Work>
  auto transact(Work work) {
    return database_.transact([&](postgres::Transaction& transaction) {
      check(transaction);
      return work(transaction);
    });
  }
  [[nodiscard]] long fencing() const { return fencing_; }

 private:
  void check(postgres::Transaction& transaction) const;

  postgres::Database& database_;
  std::string lease_;
  long fencing_;
  std::chrono::milliseconds patience_;
};

/// Safe from any thread. Every method throws Error{transient} where PostgreSQL cannot be asked.
class Lease {
 public:
  Lease(postgres::Database& database, std::string name, std::string holder,
        std::chrono::milliseconds duration);

  /// Takes the lease where it is free or expired.
  std::optional<Term> acquire();
  /// How long until it can be taken, as far as is known now.
  std::chrono::milliseconds until_free();
  /// False where somebody else has taken it since.
  bool renew(const Term& term);
  /// Gives it up before it expires and wakes the others.
  void release(const Term& term);
  [[nodiscard]] std::chrono::milliseconds duration() const { return duration_; }

 private:
  postgres::Database& database_;
  std::string name_, holder_;
  std::chrono::milliseconds duration_;
};

}  // namespace rollcall::scheduler
