#include "common/postgres/listener.h"

#include "common/core/error.h"
#include "common/postgres/connection_string.h"

#include <array>

#include <poll.h>
#include <pqxx/pqxx>
#include <sys/eventfd.h>
#include <unistd.h>

namespace rollcall::postgres {
namespace {

Error unavailable(const std::string& why) {
  return {Fault::transient, "database_unavailable", "PostgreSQL, listening: " + why};
}

class Receiver final : public pqxx::notification_receiver {
 public:
  using notification_receiver::notification_receiver;
  void operator()(const std::string&, int) override { heard = true; }
  bool heard = false;
};

/// A descriptor that becomes readable when somebody wants the waiting thread back.
struct Wake {
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  Wake() = default;
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;
  ~Wake() { close(fd); }
  void up() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(fd, &one, sizeof one);
  }
};

}  // namespace

struct Listener::State {
  State(const Options& options, const std::string& channel)
      : connection(connection_string(options)), receiver(connection, channel) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    connection.inhibit_reactivation(true);  // a silent reconnect would no longer listen
#pragma GCC diagnostic pop
  }
  pqxx::connection connection;
  Receiver receiver;
  Wake wake;
};

Listener::Listener(const Options& options, const std::string& channel) {
  try {
    state_ = std::make_unique<State>(options, channel);
  } catch (const std::exception&) {  // its text may repeat the password
    throw unavailable("no connection to " + without_password(options.url));
  }
}

Listener::~Listener() = default;

bool Listener::wait(std::chrono::milliseconds timeout, std::stop_token stop) {
  const std::stop_callback interrupt(stop, [this] { state_->wake.up(); });
  state_->receiver.heard = false;
  try {
    state_->connection.get_notifs();  // what came with an earlier answer lies ready already
    if (state_->receiver.heard || stop.stop_requested()) return state_->receiver.heard;
    std::array<pollfd, 2> ready{pollfd{state_->connection.sock(), POLLIN, 0},
                                pollfd{state_->wake.fd, POLLIN, 0}};
    if (poll(ready.data(), ready.size(), static_cast<int>(timeout.count())) <= 0) return false;
    if (ready[0].revents != 0) state_->connection.get_notifs();
    if (!state_->connection.is_open()) throw unavailable("the connection is closed");
  } catch (const std::exception& error) {
    throw unavailable(error.what());
  }
  return state_->receiver.heard;
}

}  // namespace rollcall::postgres
