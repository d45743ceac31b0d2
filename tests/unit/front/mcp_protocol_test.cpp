#include "tests/support/catch.h"
#include "workers/front/mcp/era.h"
#include "workers/front/mcp/message.h"

#include <map>

using namespace rollcall;
using namespace rollcall::front::mcp;

namespace {

using Headers = std::map<std::string, std::string>;

HeaderOf of(const Headers& headers) {
  return [headers](std::string_view name) -> std::string_view {
    const auto found = headers.find(std::string(name));
    return found == headers.end() ? std::string_view() : std::string_view(found->second);
  };
}

Json modern_meta() {
  return {{meta_version, modern_version}, {meta_capabilities, Json::object()}};
}

Message request(const std::string& method, Json params = Json::object()) {
  return {.id = 1, .method = method, .params = std::move(params)};
}
Message modern(const std::string& method, Json params = Json::object()) {
  params["_meta"] = modern_meta();
  return request(method, std::move(params));
}

const Headers modern_headers{{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "tools/list"}};

int refusal_of(const Message& message, const Headers& headers) {
  const auto reading = read_era(message, of(headers), "");
  CHECK(reading.era == Era::modern);
  if (!reading.refusal) return 0;
  CHECK(status_of(*reading.refusal, reading.era) == 400);
  return reading.refusal->code;
}

int code_of(const std::string& body) {
  const auto read = read_message(body);
  const auto* unreadable = std::get_if<Unreadable>(&read);
  return unreadable ? unreadable->error.code : 0;
}

}  // namespace

TEST_CASE("A message is a request, a notification or a response, one to a body") {
  const auto read = read_message(R"({"jsonrpc":"2.0","id":"a","method":"ping"})");
  CHECK(std::get<Message>(read).kind == Message::Kind::request);
  CHECK(std::get<Message>(read).params == Json::object());
  CHECK(std::get<Message>(read_message(R"({"jsonrpc":"2.0","method":"x"})")).kind ==
        Message::Kind::notification);
  CHECK(std::get<Message>(read_message(R"({"jsonrpc":"2.0","id":1,"result":{}})")).kind ==
        Message::Kind::response);

  CHECK(code_of("{") == rpc::parse_error);
  CHECK(code_of(R"({"jsonrpc":"2.0","id":1,"id":2,"method":"x"})") == rpc::parse_error);
  for (const char* body :
       {R"([{"jsonrpc":"2.0","id":1,"method":"ping"}])", R"("x")", R"({"id":1,"method":"ping"})",
        R"({"jsonrpc":"1.0","id":1,"method":"ping"})", R"({"jsonrpc":"2.0","id":null,"method":"ping"})",
        R"({"jsonrpc":"2.0","id":1.5,"method":"ping"})", R"({"jsonrpc":"2.0","id":1,"method":""})",
        R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[]})", R"({"jsonrpc":"2.0","id":1})",
        R"({"jsonrpc":"2.0","id":1,"result":{},"error":{}})", R"({"jsonrpc":"2.0","result":{}})"}) {
    INFO(body);
    CHECK(code_of(body) == rpc::invalid_request);
  }
  CHECK(code_of(std::string(70, '[') + std::string(70, ']')) == rpc::parse_error);
}

TEST_CASE("What is refused names the request, where it could be read") {
  const auto read = read_message(R"({"jsonrpc":"2.0","id":7,"method":"ping","params":3})");
  CHECK(std::get<Unreadable>(read).id == 7);
}

TEST_CASE("The era is decided before the method is looked at") {
  const auto era = [](const Message& message, const Headers& headers, const char* session = "") {
    return read_era(message, of(headers), session).era;
  };
  CHECK(era(request("initialize"), {}) == Era::legacy);
  CHECK(era(request("tools/list"), {{"MCP-Protocol-Version", "2025-06-18"}}) == Era::legacy);
  CHECK(era(request("tools/list"), {{"MCP-Protocol-Version", "2024-11-05"}}) == Era::legacy);
  CHECK(era(request("tools/list"), {{"MCP-Protocol-Version", "2026-07-28"}}) == Era::modern);
  CHECK(era(request("tools/list"), {{"MCP-Protocol-Version", "v999"}}) == Era::modern);
  CHECK(era(modern("initialize"), {}) == Era::modern);
  CHECK(era(modern("tools/list"), {{"MCP-Protocol-Version", "2025-11-25"}}) == Era::modern);
  CHECK(era(modern("tools/list"), modern_headers, "2025-11-25") == Era::legacy);  // a live session
}

TEST_CASE("A legacy request speaks what it names, its session's version, or the first one") {
  const auto version = [](const Headers& headers, const char* session) {
    return read_era(request("tools/list"), of(headers), session).version;
  };
  CHECK(version({}, "") == assumed_version);
  CHECK(version({}, "2025-06-18") == "2025-06-18");
  CHECK(version({{"MCP-Protocol-Version", "2025-11-25"}}, "") == "2025-11-25");
  const auto old = read_era(request("tools/list"), of({{"MCP-Protocol-Version", "2024-11-05"}}), "");
  REQUIRE(old.refusal);
  CHECK(status_of(*old.refusal, old.era) == 400);
  CHECK_FALSE(read_era(request("initialize"), of({{"MCP-Protocol-Version", "2024-11-05"}}), "").refusal);
  CHECK(negotiated_version("2025-06-18") == "2025-06-18");
  CHECK(negotiated_version("2024-11-05") == "2025-11-25");
}

TEST_CASE("A modern request is checked in the order of the specification") {
  CHECK(refusal_of(modern("tools/list"), modern_headers) == 0);
  CHECK(refusal_of(modern("tools/list"), {{"Mcp-Method", "tools/list"}}) == rpc::header_mismatch);
  CHECK(refusal_of(request("tools/list"), modern_headers) == rpc::invalid_params);
  auto without = modern("tools/list");
  without.params["_meta"].erase(std::string(meta_capabilities));
  CHECK(refusal_of(without, modern_headers) == rpc::invalid_params);
  auto other = modern("tools/list");
  other.params["_meta"][std::string(meta_version)] = "v999";
  CHECK(refusal_of(other, modern_headers) == rpc::header_mismatch);
  const Headers unknown{{"MCP-Protocol-Version", "v999"}, {"Mcp-Method", "tools/list"}};
  CHECK(refusal_of(other, unknown) == rpc::unsupported_version);
  const auto refused = read_era(other, of(unknown), "").refusal;
  CHECK(refused->data == Json{{"supported", Json::array({modern_version})}, {"requested", "v999"}});
  // Of a version that is not spoken, no header is looked at.
  CHECK(refusal_of(other, {{"MCP-Protocol-Version", "v999"}}) == rpc::unsupported_version);
  // A legacy version may not come without its handshake.
  auto legacy = modern("tools/list");
  legacy.params["_meta"][std::string(meta_version)] = "2025-11-25";
  CHECK(refusal_of(legacy, {{"MCP-Protocol-Version", "2025-11-25"}}) == rpc::unsupported_version);
}

TEST_CASE("Mcp-Method and Mcp-Name say what the body says") {
  const auto check = [](const Message& message, const Headers& headers) {
    return check_method_headers(message, of(headers)) ? rpc::header_mismatch : 0;
  };
  CHECK(check(request("tools/list"), {}) != 0);
  CHECK(check(request("tools/list"), {{"Mcp-Method", "Tools/List"}}) != 0);
  const auto call = request("tools/call", {{"name", "listé"}});
  CHECK(check(call, {{"Mcp-Method", "tools/call"}}) != 0);
  CHECK(check(call, {{"Mcp-Method", "tools/call"}, {"Mcp-Name", "list"}}) != 0);
  CHECK(check(call, {{"Mcp-Method", "tools/call"}, {"Mcp-Name", "listé"}}) == 0);
  CHECK(check(call, {{"Mcp-Method", "tools/call"}, {"Mcp-Name", "=?base64?bGlzdMOp?="}}) == 0);
  CHECK(check(call, {{"Mcp-Method", "tools/call"}, {"Mcp-Name", "=?base64?bGlzdMOp=?="}}) != 0);
  CHECK(check(request("resources/read", {{"uri", "a:b"}}),
              {{"Mcp-Method", "resources/read"}, {"Mcp-Name", "a:b"}}) == 0);
}

TEST_CASE("The base64 form of a header is strict") {
  CHECK(header_text("plain") == "plain");
  CHECK(header_text("=?base64?SGVsbG8=?=") == "Hello");
  CHECK(header_text("=?base64?"
                    "?=") == "");
  CHECK(header_text("=?base64?SGVsbG8=") == "=?base64?SGVsbG8=");
  for (const char* wrong : {"=?base64?SGVsbG8?=", "=?base64?SGVsbG9=?=", "=?base64?SGVs bG8=?=",
                            "=?base64?SGVsb_8=?=", "=?base64?=?=", "=?base64?A===?="}) {
    INFO(wrong);
    CHECK_FALSE(header_text(wrong));
  }
}

TEST_CASE("Mcp-Param headers repeat the arguments that ask for it") {
  const auto schema = Json::parse(R"({"type":"object","properties":{
    "region":{"type":"string","x-mcp-header":"Region"},
    "in":{"type":"object","properties":{"count":{"type":"integer","x-mcp-header":"Count"},"on":{"type":"boolean","x-mcp-header":"On"}}},
    "list":{"type":"array","items":{"type":"string","x-mcp-header":"Never"}}}})");
  const auto check = [&](const char* arguments, const Headers& headers) {
    return !check_param_headers(schema, Json::parse(arguments), of(headers));
  };
  CHECK(check("{}", {}));
  CHECK(check(R"({"region":null})", {}));
  CHECK(check(R"({"region":"eu","list":["x"]})", {{"Mcp-Param-Region", "eu"}}));
  CHECK(check(R"({"region":"é"})", {{"Mcp-Param-Region", "=?base64?w6k=?="}}));
  CHECK(check(R"({"in":{"count":42,"on":true}})", {{"Mcp-Param-Count", "42.0"}, {"Mcp-Param-On", "true"}}));
  CHECK_FALSE(check(R"({"region":"eu"})", {}));
  CHECK_FALSE(check(R"({"region":"eu"})", {{"Mcp-Param-Region", "us"}}));
  CHECK_FALSE(check("{}", {{"Mcp-Param-Region", "eu"}}));
  CHECK_FALSE(check(R"({"in":{"count":42}})", {{"Mcp-Param-Count", "43"}}));
  CHECK_FALSE(check(R"({"in":{"on":true}})", {{"Mcp-Param-On", "True"}}));
}

TEST_CASE("A client that says little is answered with JSON") {
  CHECK(read_accept("").json);
  CHECK_FALSE(read_accept("").events);
  CHECK_FALSE(read_accept("application/json").events);
  CHECK(read_accept("application/json, text/event-stream").json);
  CHECK(read_accept("application/json, text/event-stream").events);
  CHECK_FALSE(read_accept("text/event-stream").json);
  CHECK(read_accept("text/html").json);
  CHECK(read_accept("*/*").json);
}

TEST_CASE("Pages of foreign origins may not call") {
  const std::string root = "https://rollcall.contoso.com";
  for (const char* origin :
       {"", "http://localhost", "http://localhost:3000", "https://127.0.0.1:8080", "http://[::1]:9",
        "http://[::1]", "https://rollcall.contoso.com", "https://app.contoso.com"}) {
    INFO(origin);
    CHECK(origin_allowed(origin, root, {"https://app.contoso.com"}));
  }
  for (const char* origin :
       {"http://evil.example.com", "null", "http://localhost.evil.example", "http://127.0.0.1.evil.example",
        "https://rollcall.contoso.com.evil.example", "http://rollcall.contoso.com", "localhost"}) {
    INFO(origin);
    CHECK_FALSE(origin_allowed(origin, root, {"https://app.contoso.com"}));
  }
  CHECK_FALSE(origin_allowed("http://evil.example.com", "", {}));
}

TEST_CASE("Results carry what their era knows") {
  const ServerInfo info{"rollcall", "Rollcall", "1"};
  const auto modern_list = enveloped({{"tools", Json::array()}, {"ttlMs", 5}, {"cacheScope", "public"}},
                                     Era::modern, "tools/list", info);
  CHECK(modern_list["resultType"] == "complete");
  CHECK(modern_list["ttlMs"] == 5);
  CHECK(modern_list["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "rollcall");
  const auto read = enveloped({{"contents", Json::array()}}, Era::modern, "resources/read", info);
  CHECK(read["ttlMs"] == 0);
  CHECK(read["cacheScope"] == "private");  // unless said otherwise
  CHECK_FALSE(enveloped(Json::object(), Era::modern, "tools/call", info).contains("ttlMs"));
  CHECK_FALSE(
      enveloped({{"resultType", "input_required"}}, Era::modern, "resources/read", info).contains("ttlMs"));
  CHECK(enveloped({{"tools", 1}, {"resultType", "complete"}, {"ttlMs", 5}, {"cacheScope", "public"}},
                  Era::legacy, "tools/list", info) == Json{{"tools", 1}});
}

TEST_CASE("An error has the status that its era gives it") {
  const auto status = [](int code, Era era) { return status_of({.code = code}, era); };
  CHECK(status(rpc::method_not_found, Era::modern) == 404);
  CHECK(status(rpc::method_not_found, Era::legacy) == 200);
  CHECK(status(rpc::missing_capability, Era::modern) == 400);
  CHECK(status(rpc::invalid_params, Era::modern) == 200);
  CHECK(status_of({.code = rpc::invalid_params, .status = 400}, Era::modern) == 400);
}
