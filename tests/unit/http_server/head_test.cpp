#include "common/http_server/head.h"

#include "tests/support/catch.h"

#include <string>

using namespace rollcall::http_server;

namespace {

const HeadLimits limits{100, 3};

}  // namespace

TEST_CASE("the end of a head is found however it was cut, and only once it is there") {
  const std::string whole = "GET / HTTP/1.1\r\nHost: h\r\n\r\nGET";
  const auto end = whole.size() - 3;
  for (std::size_t scanned = 0; scanned <= whole.size(); ++scanned)
    for (std::size_t length = scanned; length <= whole.size(); ++length) {
      if (scanned >= end) continue;
      const auto found = find_head_end(std::string_view(whole).substr(0, length), scanned);
      CHECK(found.at == (length >= end ? end : 0));
      CHECK_FALSE(found.refusal);
    }
}

TEST_CASE("what is no HTTP is known by its first bytes") {
  CHECK(find_head_end("\x16\x03\x01", 0).refusal.status == 400);
  CHECK(find_head_end("GET / HTTP/1.1\nHost", 0).refusal.status == 400);
  CHECK_FALSE(find_head_end("GET / HTTP/1.1\r\nHost", 0).refusal);
}

TEST_CASE("a head is read") {
  Head head;
  CHECK_FALSE(read_head(
      "POST /a?b=%20c HTTP/1.1\r\nhOST:\t[::1]:8080 \r\nContent-Length: 12\r\nExpect: 100-Continue\r\n\r\n",
      limits, head));
  CHECK(head.method == "POST");
  CHECK(head.target == "/a?b=%20c");
  CHECK(head.http_1_1);
  CHECK(head.content_length == 12);
  CHECK(head.expects_continue);
  CHECK_FALSE(head.chunked);
  Head old;
  CHECK_FALSE(read_head("GET / HTTP/1.0\r\n\r\n", limits, old));
  CHECK_FALSE(old.http_1_1);
}

TEST_CASE("headers are counted, targets measured") {
  Head head;
  CHECK_FALSE(read_head("GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\n\r\n", limits, head));
  Head more;
  CHECK(read_head("GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", limits, more).status == 431);
  Head longest;
  const auto with = [](std::size_t bytes) {
    return "GET /" + std::string(bytes - 1, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n";
  };
  CHECK_FALSE(read_head(with(100), limits, longest));
  Head too_long;
  CHECK(read_head(with(101), limits, too_long).status == 414);
}
