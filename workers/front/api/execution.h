#pragma once
#include "common/postgres/postgres.h"
#include "common/schema/validator.h"
#include "workers/front/adapters/pool.h"
#include "workers/front/api/call.h"
#include "workers/front/core/access.h"

#include <memory>

/// What happens to a call once it is known who calls: the same for a request over HTTP and for one from
/// inside (invoke.h).
namespace rollcall::front {

/// A call on its way to its operation; answered once, by whoever lets go of it last or before.
class Errand : public std::enable_shared_from_this<Errand> {
 public:
  Errand() = default;
  virtual ~Errand() = default;
  Errand(const Errand&) = delete;
  Errand& operator=(const Errand&) = delete;

  /// From any thread. What comes after the first answer is dropped.
  virtual void answer(Response response) = 0;
  /// The same for what is refused before the operation has it, or by throwing.
  virtual void turn_away(Response response) { answer(std::move(response)); }
  /// Nobody waits for it any more.
  virtual void leave() = 0;

  Call call;
  const Route* route = nullptr;  ///< outlives it
  bool head_only = false;        ///< the body is not there yet
};

/// 5. may they (403, 404)   6. the body and query are as declared (400, 415)   7. an Idempotency-Key is
/// answered once   8. the handler; what it throws becomes a problem document.
class Execution {
 public:
  struct Parts {
    postgres::Database& database;
    const schema::Validator& components;  ///< of schemas/openapi
    Pool& pool;
    const Clock& clock;
  };
  explicit Execution(Parts parts) : parts_(parts) {}

  /// Callable from any thread; never blocks. Throws what the caller must refuse() with: see guarded().
  void run(const std::shared_ptr<Errand>& errand) const;

  /// Whatever `work` throws becomes the answer.
  template <class Work>
  static void guarded(Errand& errand, Work work) {
    try {
      work();
    } catch (...) {
      refuse(errand, refusal_for(std::current_exception(), errand.call.request_id,
                                 errand.route ? errand.route->operation.id : ""));
    }
  }
  static void refuse(Errand& errand, const Refusal& refusal);
  /// Throws Refused (404, microsoft_disabled) where the operation is one of those that are switched off.
  static void require_switched_on(const Operation& operation, bool microsoft_enabled);

 private:
  void perform(Errand& errand) const;
  void read(Call& call, const Operation& operation) const;
  void stand(Call& call, const Operation& operation, const std::string& organization) const;

  Parts parts_;
};

}  // namespace rollcall::front
