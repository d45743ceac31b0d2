/// rollcall-sandbox-kafka: an in-memory broker for trying things out, librdkafka's mock cluster as a program
/// of its own. Groups, offsets, headers and idempotent producers work; 5 MiB a partition are kept, nothing
/// outlives the process.
#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

std::atomic<int> wanted_port = 0;
constexpr int partitions = 4;  // what the mock gives to topics that it makes by itself

constexpr const char* help =
    "rollcall-sandbox-kafka [--port N] [--topics a,b,c]\n"
    "\n"
    "An in-memory Kafka broker on 127.0.0.1 for trying things out; not for anything that must last.\n"
    "  --port N         listen on this port (default 0: any free one)\n"
    "  --topics a,b,c   topics to start with, 4 partitions each (others come into being on first use)\n"
    "  --help           this text\n"
    "Prints {\"brokers\":\"127.0.0.1:PORT\"} on stdout when ready and runs until SIGTERM or SIGINT.\n";

int usage(const std::string& problem) {
  std::fprintf(stderr, "%s\n\n%s", problem.c_str(), help);
  return 2;
}

/// librdkafka's mock cluster does not survive a bind that fails (it asserts), so the port is tried first.
bool is_free(int port) {
  const int probe = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in ipv4{};
  ipv4.sin_family = AF_INET;
  ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ipv4.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool bound = bind(probe, reinterpret_cast<const struct sockaddr*>(&ipv4), sizeof ipv4) == 0;
  close(probe);
  return bound;
}

}  // namespace

/// The mock cluster binds its one broker to 127.0.0.1:0 and offers no option for the port, but a broker that
/// comes back must come back where its clients look for it. A program's own symbols win over libc's, so this
/// bind() is the one that librdkafka calls: it fills in the wanted port the first time, and passes everything
/// else on as it is.
extern "C" int bind(int socket, const struct sockaddr* address, socklen_t size) noexcept {
  using Bind = int (*)(int, const struct sockaddr*, socklen_t);
  static const auto real = reinterpret_cast<Bind>(dlsym(RTLD_NEXT, "bind"));
  sockaddr_in ipv4{};
  if (address && address->sa_family == AF_INET && size >= sizeof ipv4) {
    std::memcpy(&ipv4, address, sizeof ipv4);
    if (ipv4.sin_port == 0 && ntohl(ipv4.sin_addr.s_addr) == INADDR_LOOPBACK) {
      if (const int port = wanted_port.exchange(0); port != 0) {
        // Connections of the process before us may linger in TIME_WAIT on this port.
        const int on = 1;
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        ipv4.sin_port = htons(static_cast<std::uint16_t>(port));
        return real(socket, reinterpret_cast<const struct sockaddr*>(&ipv4), sizeof ipv4);
      }
    }
  }
  return real(socket, address, size);
}

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  int port = 0;
  std::vector<std::string> topics;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto name = arguments[i];
    if (name == "--help" || name == "-h") return std::fputs(help, stdout), 0;
    if (name != "--port" && name != "--topics") return usage("unknown argument '" + std::string(name) + "'");
    if (++i == arguments.size()) return usage(std::string(name) + " takes a value");
    const auto given = arguments[i];
    if (name == "--port") {
      const auto [end, problem] = std::from_chars(given.data(), given.data() + given.size(), port);
      if (problem != std::errc{} || end != given.data() + given.size() || port < 0 || port > 65535) {
        return usage("--port takes a number from 0 to 65535");
      }
      continue;
    }
    for (std::size_t from = 0; from <= given.size();) {
      const auto to = std::min(given.find(',', from), given.size());
      if (to > from) topics.emplace_back(given.substr(from, to - from));
      from = to + 1;
    }
  }

  // Before any thread starts, so that all inherit it and sigwait() below is where the signal goes.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  if (port != 0 && !is_free(port)) {
    return std::fprintf(stderr, "port %d on 127.0.0.1 is taken (--port 0 takes any free one)\n", port), 1;
  }
  char why[512] = "";
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "log_level", "3", why,
                    sizeof why);  // or it warns that it has no brokers configured
  rd_kafka_t* handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
  if (!handle) return std::fprintf(stderr, "librdkafka does not start: %s\n", why), 1;
  wanted_port = port;
  rd_kafka_mock_cluster_t* cluster = rd_kafka_mock_cluster_new(handle, 1);
  if (!cluster) {
    std::fprintf(stderr, "the broker could not be started\n");
    rd_kafka_destroy(handle);
    return 1;
  }
  for (const auto& topic : topics) {
    if (const auto error = rd_kafka_mock_topic_create(cluster, topic.c_str(), partitions, 1)) {
      std::fprintf(stderr, "topic %s: %s\n", topic.c_str(), rd_kafka_err2str(error));
    }
  }
  std::printf("{\"brokers\":\"%s\"}\n", rd_kafka_mock_cluster_bootstraps(cluster));
  std::fflush(stdout);

  int signal = 0;
  sigwait(&signals, &signal);
  rd_kafka_mock_cluster_destroy(cluster);
  rd_kafka_destroy(handle);
  return 0;
}
