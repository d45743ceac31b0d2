#include "common/http_client/client.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <unordered_map>

#include <curl/curl.h>

namespace rollcall::http_client {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_any_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// Once per process and before any thread of ours uses curl.
void global_init() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code != CURLE_OK) throw std::runtime_error("libcurl cannot be initialised");
}

/// One request under way.
struct Job {
  Request request;
  Transport::OnDone done;
  Response response;
  bool too_large = false;
  bool begun = false;    // a byte of it may have left
  bool cut_off = false;  // it was to be sent again, and was not
  CURL* easy = nullptr;
  curl_slist* header_list = nullptr;
  char error_text[CURL_ERROR_SIZE] = {};

  Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  ~Job() {
    if (easy) curl_easy_cleanup(easy);
    curl_slist_free_all(header_list);
  }
};

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* context) {
  Job& job = *static_cast<Job*>(context);
  const std::size_t bytes = size * count;
  // Counted after decompression, so that a small answer cannot unpack into all our memory.
  if (job.response.body.size() + bytes > job.request.response_bytes_max) {
    job.too_large = true;
    return 0;
  }
  job.response.body.append(data, bytes);
  return bytes;
}

/// Called before each sending, when name, connection and TLS are done. curl sends again by itself when a
/// kept-alive connection dies before the answer; the first sending may have been carried out by then, and the
/// caller of a write must know: a write is sent once.
int on_sending(void* context, char*, char*, int, int) {
  Job& job = *static_cast<Job*>(context);
  const bool read = job.request.method == "GET" || job.request.method == "HEAD";
  job.cut_off = job.begun && !read;
  job.begun = true;
  return job.cut_off ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* context) {
  Job& job = *static_cast<Job*>(context);
  const std::string_view line(data, size * count);
  // A status line opens a new block: what came before belonged to a 1xx or to a proxy's CONNECT.
  if (line.substr(0, 5) == "HTTP/") {
    job.response.headers.clear();
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    job.response.headers.emplace_back(trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
  }
  return size * count;
}

}  // namespace

std::string_view Response::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (equal_any_case(key, name)) return value;
  return {};
}

Response Transport::send(Request request) {
  // Shared: the promise must outlive set_value(), which may still be running when get() returns.
  auto promise = std::make_shared<std::promise<Response>>();
  auto answer = promise->get_future();
  start(std::move(request), [promise](Response response) { promise->set_value(std::move(response)); });
  return answer.get();
}

struct CurlTransport::State {
  Options options;
  CURLM* multi = nullptr;
  std::mutex mutex;
  std::deque<std::unique_ptr<Job>> incoming;               // guarded by mutex
  bool closed = false;                                     // guarded by mutex
  std::unordered_map<CURL*, std::unique_ptr<Job>> active;  // the transport's thread only
  std::thread thread;

  explicit State(Options given) : options(std::move(given)) {
    global_init();
    multi = curl_multi_init();
    if (!multi) throw std::runtime_error("libcurl cannot make a multi handle");
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(options.connections_per_host));
    thread = std::thread([this] { run(); });
  }

  ~State() {
    {
      const std::lock_guard lock(mutex);
      closed = true;
    }
    curl_multi_wakeup(multi);
    thread.join();
    curl_multi_cleanup(multi);
  }

  static void finish(std::unique_ptr<Job> job) {
    // The easy handle goes first: `done` may start the next request, which then finds the connection free.
    curl_easy_cleanup(std::exchange(job->easy, nullptr));
    job->done(std::move(job->response));
  }

  static void fail(std::unique_ptr<Job> job, std::string why) {
    job->response = Response{};
    job->response.error = std::move(why);
    job->response.sent = job->begun;
    finish(std::move(job));
  }

  void add_headers(Job& job) const {
    bool has_type = false;
    for (const auto& [name, value] : job.request.headers) {
      has_type = has_type || equal_any_case(name, "Content-Type");
      // "Name;" is curl's way to send a header without a value.
      const std::string line = value.empty() ? name + ";" : name + ": " + value;
      job.header_list = curl_slist_append(job.header_list, line.c_str());
    }
    // curl would call any body a form, and would hold back larger ones until a "100 Continue".
    if (!has_type) job.header_list = curl_slist_append(job.header_list, "Content-Type:");
    job.header_list = curl_slist_append(job.header_list, "Expect:");
  }

  bool prepare(Job& job) const {
    CURL* easy = job.easy = curl_easy_init();
    if (!easy) return false;
    const Request& request = job.request;
    const long timeout =
        static_cast<long>(std::max<std::chrono::milliseconds::rep>(1, request.timeout.count()));
    add_headers(job);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, job.error_text);
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);  // a bearer token must not wander to another host
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);        // signals and threads do not mix
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    // Waiting for a connection that is being made lets HTTP/2 share it. Cleartext cannot be HTTP/2 here, so
    // waiting would only put requests one after the other.
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, request.url.rfind("https:", 0) == 0 ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, request.fresh_connection ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
    // The system's folder of anchors (CAPATH) stays in force beside this file.
    if (!options.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca_file.c_str());
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, std::min(timeout, 15'000L));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, job.header_list);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_sending);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, &job);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &job);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &job);
    if (request.method == "HEAD") {
      curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (!request.body.empty() || (request.method != "GET" && request.method != "DELETE")) {
      curl_easy_setopt(easy, CURLOPT_POST, 1L);
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
    }
    if (request.method != "HEAD") curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    return true;
  }

  /// Moves what start() left into curl. False: the transport is being destroyed.
  bool take_incoming() {
    std::deque<std::unique_ptr<Job>> taken;
    bool going_on = false;
    {
      const std::lock_guard lock(mutex);
      taken.swap(incoming);
      going_on = !closed;
    }
    for (auto& job : taken) {
      if (!going_on || !prepare(*job)) {
        fail(std::move(job), going_on ? "out of memory" : "the HTTP client is shutting down");
        continue;
      }
      CURL* const easy = job->easy;
      if (curl_multi_add_handle(multi, easy) != CURLM_OK) {
        fail(std::move(job), "libcurl refused the request");
        continue;
      }
      active.emplace(easy, std::move(job));
    }
    return going_on;
  }

  void collect() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* const easy = message->easy_handle;
      const CURLcode code = message->data.result;
      const auto found = active.find(easy);
      if (found == active.end()) continue;
      std::unique_ptr<Job> job = std::move(found->second);
      active.erase(found);
      long status = 0;
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
      curl_multi_remove_handle(multi, easy);
      if (code == CURLE_OK) {
        job->response.status = static_cast<int>(status);
        job->response.sent = true;
        finish(std::move(job));
      } else if (job->too_large) {
        const auto cap = std::to_string(job->request.response_bytes_max);
        fail(std::move(job), "the answer is larger than " + cap + " bytes");
      } else if (job->cut_off) {
        fail(std::move(job),
             "the connection ended before the request was answered: whether it was carried out is not known");
      } else {
        fail(std::move(job), job->error_text[0] ? job->error_text : curl_easy_strerror(code));
      }
    }
  }

  void run() {
    while (take_incoming()) {
      int running = 0;
      curl_multi_perform(multi, &running);
      collect();
      curl_multi_poll(multi, nullptr, 0, 1'000, nullptr);  // start() and the destructor wake it
    }
    auto rest = std::move(active);
    active.clear();
    for (auto& [easy, job] : rest) {
      curl_multi_remove_handle(multi, easy);
      fail(std::move(job), "the HTTP client is shutting down");
    }
  }
};

CurlTransport::CurlTransport(Options options) : state_(std::make_unique<State>(std::move(options))) {}
CurlTransport::~CurlTransport() = default;

void CurlTransport::start(Request request, OnDone done) {
  auto job = std::make_unique<Job>();
  job->request = std::move(request);
  job->done = std::move(done);
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->closed) {
      state_->incoming.push_back(std::move(job));
      // Still under the lock: once `closed` is set the handle may be gone.
      curl_multi_wakeup(state_->multi);
      return;
    }
  }
  State::fail(std::move(job), "the HTTP client is shutting down");
}

}  // namespace rollcall::http_client
