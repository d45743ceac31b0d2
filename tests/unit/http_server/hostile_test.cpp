#include "tests/unit/http_server/wire.h"

#include <ostream>
#include <thread>
#include <vector>

using namespace rollcall::http_server;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

struct Row {
  const char* name;
  std::string bytes;
  int status;
};
std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << row.name;
}

std::string post(const std::string& headers, const std::string& body) {
  return "POST /p HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n" + body;
}
std::string with(const std::string& header) {
  return get("/", header + "\r\n");
}
std::string chunked(const std::string& body) {
  return post("Transfer-Encoding: chunked\r\n", body);
}
/// Sent behind a request whose length could be misread: an answer to it would be the smuggling.
const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";

const std::vector<Row> rows = {
    // request line
    {"no request", "nonsense\r\n\r\n", 400},
    {"TLS", "\x16\x03\x01\x02"s + "\x00\x01"s, 400},
    {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
    {"HTTP/0.9", "GET /\r\n\r\n", 400},
    {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 400},
    {"version in lower case", "GET / http/1.1\r\nHost: h\r\n\r\n", 400},
    {"method in lower case", "get / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"method with a control byte", "GE\x01T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"two blanks before the target", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"blank in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"tab for a blank", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"no target", "GET HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"absolute target", "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"asterisk", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"fragment", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"NUL in the target", "GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n"s, 400},
    {"byte above ASCII in the target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"bare LF ends the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
    {"two empty lines first", "\r\n\r\n" + get("/"), 400},
    // headers
    {"bare LF between headers", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", 400},
    {"bare LF ends the head", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400},
    {"bare CR in a value", with("X: a\rb"), 400},
    {"folded value", with("X: a\r\n b"), 400},
    {"folded with a tab", with("X: a\r\n\tb"), 400},
    {"folded first line", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400},
    {"NUL in a value", with("X: a\0b"s), 400},
    {"control byte in a value", with("X: a\x01"), 400},
    {"DEL in a value", with("X: a\x7f"), 400},
    {"blank before the colon", with("X : a"), 400},
    {"no name", with(": a"), 400},
    {"no colon", with("X"), 400},
    {"name of several words", with("X Y: a"), 400},
    {"name above ASCII", with("\xc3\xa4: a"), 400},
    // Host
    {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
    {"two Hosts", with("Host: i"), 400},
    {"the same Host twice", with("host: h"), 400},
    {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
    {"Host with a path", "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", 400},
    {"Host with a user", "GET / HTTP/1.1\r\nHost: a@h\r\n\r\n", 400},
    {"Host with a port that is none", "GET / HTTP/1.1\r\nHost: h:80x\r\n\r\n", 400},
    {"Host with half a bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
    {"two hosts in one Host", "GET / HTTP/1.1\r\nHost: h, i\r\n\r\n", 400},
    // lengths
    {"Content-Length and chunked",
     post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + smuggled), 400},
    {"chunked and Content-Length",
     post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n" + smuggled), 400},
    {"two lengths that differ", post("Content-Length: 0\r\nContent-Length: 36\r\n", smuggled), 400},
    {"two lengths that agree", post("Content-Length: 2\r\nContent-Length: 2\r\n", "hi" + smuggled), 400},
    {"a list of lengths", post("Content-Length: 2, 2\r\n", "hi" + smuggled), 400},
    {"length with a plus", post("Content-Length: +2\r\n", "hi" + smuggled), 400},
    {"negative length", post("Content-Length: -1\r\n", smuggled), 400},
    {"hexadecimal length", post("Content-Length: 0x2\r\n", "hi" + smuggled), 400},
    {"empty length", post("Content-Length: \r\n", smuggled), 400},
    {"length past 64 bits", post("Content-Length: 18446744073709551616\r\n", smuggled), 400},
    {"length of 64 bits", post("Content-Length: 18446744073709551615\r\n", smuggled), 413},
    {"two encodings",
     post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + smuggled), 400},
    {"chunked twice", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n" + smuggled), 400},
    {"another encoding", post("Transfer-Encoding: gzip\r\n", smuggled), 400},
    {"another encoding before", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n" + smuggled), 400},
    {"another encoding behind", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n" + smuggled),
     400},
    {"chunked with a control byte",
     post("Transfer-Encoding: \x0b"
          "chunked\r\n",
          "0\r\n\r\n" + smuggled),
     400},
    {"chunked in quotes", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n" + smuggled), 400},
    {"chunked with a parameter", post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n" + smuggled), 400},
    {"empty encoding", post("Transfer-Encoding:\r\n", smuggled), 400},
    {"encoding, blank before the colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n" + smuggled),
     400},
    {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"another expectation", post("Expect: 200-ok\r\nContent-Length: 1\r\n", "x"), 417},
    // chunks
    {"chunk size that is none", chunked("x\r\n"), 400},
    {"chunk size with a sign", chunked("+1\r\na\r\n0\r\n\r\n"), 400},
    {"chunk size with 0x", chunked("0x1\r\na\r\n0\r\n\r\n"), 400},
    {"empty chunk size", chunked("\r\na\r\n0\r\n\r\n"), 400},
    {"blank chunk size", chunked(" 1\r\na\r\n0\r\n\r\n"), 400},
    {"chunk size past 64 bits", chunked("10000000000000000\r\n"), 400},
    {"chunk longer than its size", chunked("1\r\nab\r\n0\r\n\r\n"), 400},
    {"bare LF behind a chunk size", chunked("1\na\r\n0\r\n\r\n"), 400},
    {"bare LF behind a chunk", chunked("1\r\na\n0\r\n\r\n"), 400},
    {"bare CR in a chunk size", chunked("1\ra\r\n0\r\n\r\n"), 400},
    {"NUL in a chunk size", chunked("1\0\r\na\r\n0\r\n\r\n"s), 400},
    {"chunk extension that is none", chunked("1;=\r\na\r\n0\r\n\r\n"), 400},
    {"chunk line without an end", chunked("1;" + std::string(40'000, 'x')), 431},
    {"trailers without an end", chunked("0\r\nX: " + std::string(40'000, 'x')), 431},
    {"trailer that is none", chunked("0\r\nX\r\n\r\n"), 400},
};

/// Answers, and tells where a second request was seen.
void tell(const Request& request, const Respond& respond) {
  respond({200, {{"X-Target", request.target}}, request.body});
}

}  // namespace

TEST_CASE("a hostile request gets its status, nothing behind it an answer, and the connection ends") {
  const Server server({}, tell);
  for (const auto& row : rows) {
    INFO(row);
    const auto answer = talk(server.port(), row.bytes);
    CHECK(status_of(answer) == row.status);
    CHECK(answer.find("HTTP/1.1", 1) == std::string::npos);
    CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  }
  CHECK(status_of(talk(server.port(), get("/", close_header))) == 200);
}

TEST_CASE("what is unusual but clear is served") {
  const Server server({}, tell);
  const std::vector<Row> fine = {
      {"one empty line first", "\r\n" + get("/", close_header), 200},
      {"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 200},
      {"Host with a port", "GET / HTTP/1.1\r\nHost: h:8080\r\n" + close_header + "\r\n", 200},
      {"IPv6 Host", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n" + close_header + "\r\n", 200},
      {"empty value", get("/", "X:\r\n" + close_header), 200},
      {"value above ASCII", get("/", "X: \xc3\xa4\r\n" + close_header), 200},
      {"blanks about a value", get("/", "X: \t a b \t\r\n" + close_header), 200},
      {"chunked in capitals", post("TRANSFER-ENCODING: Chunked\r\n" + close_header, "1\r\na\r\n0\r\n\r\n"),
       200},
      {"chunk extension", post("Transfer-Encoding: chunked\r\n" + close_header, "1;a=b\r\na\r\n0\r\n\r\n"),
       200},
      {"length of zero", post("Content-Length: 0\r\n" + close_header, ""), 200},
      {"TRACE, which is the handler's to refuse", "TRACE / HTTP/1.1\r\nHost: h\r\n" + close_header + "\r\n",
       200},
      {"a method of our own", "QUERY / HTTP/1.1\r\nHost: h\r\n" + close_header + "\r\n", 200},
  };
  for (const auto& row : fine) {
    INFO(row);
    CHECK(status_of(talk(server.port(), row.bytes)) == row.status);
  }
}

// A proxy in front judges the head; a trailer that became a header would get past it.
TEST_CASE("a trailer is no header") {
  const Server server({}, [](const Request& request, const Respond& respond) {
    respond({200, {}, request.header("authorization").empty() ? "without" : "with"});
  });
  CHECK(talk(server.port(),
             post("Transfer-Encoding: chunked\r\n" + close_header, "1\r\na\r\n0\r\nAuthorization: x\r\n\r\n"))
            .ends_with("without"));
}

TEST_CASE("a request that comes byte by byte is the same request") {
  const Server server({}, echo);
  Wire wire(server.port());
  for (const char byte :
       post("Transfer-Encoding: chunked\r\n" + close_header, "2\r\nhi\r\n1;x=y\r\n!\r\n0\r\nA: b\r\n\r\n"))
    wire.send(std::string(1, byte));
  CHECK(wire.read_all().ends_with("POST /p hi!"));
}

TEST_CASE("an answer that would split is not sent") {
  const std::vector<Response> answers = {{200, {{"Location", "/a\r\nSet-Cookie: b"}}, ""},
                                         {200, {{"A\r\nB", "c"}}, ""},
                                         {200, {{"A", "b\0c"s}}, ""},
                                         {101, {}, ""},
                                         {0, {}, ""}};
  for (const auto& answer : answers) {
    const Server server({}, [&](const Request&, const Respond& respond) { respond(answer); });
    const auto text = talk(server.port(), get("/", close_header));
    CHECK(status_of(text) == 500);
    CHECK(text.find("Set-Cookie") == std::string::npos);
  }
}
