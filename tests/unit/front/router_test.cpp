#include "workers/front/core/router.h"

#include "tests/support/catch.h"

#include <stdexcept>

using namespace rollcall::front;

namespace {

Operation operation(const std::string& method, const std::string& path) {
  Operation made;
  made.method = method;
  made.path = path;
  made.id = method + path;
  return made;
}

const std::vector<Operation> operations = {operation("GET", "/jobs/{job}"), operation("GET", "/jobs/latest"),
                                           operation("POST", "/jobs/{job}/cancel"),
                                           operation("DELETE", "/jobs/{job}")};

}  // namespace

TEST_CASE("A path finds its operation, a written segment before a parameter") {
  const Router router(operations);
  CHECK(router.match("GET", "/jobs/7").index == 0);
  CHECK(router.match("GET", "/jobs/7").parameters.at("job") == "7");
  CHECK(router.match("GET", "/jobs/latest").index == 1);
  CHECK(router.match("HEAD", "/jobs/7").index == 0);
  CHECK(router.match("POST", "/jobs/7/cancel").index == 2);
}

TEST_CASE("Parameters are decoded once, and never hold a path") {
  const Router router(operations);
  CHECK(router.match("GET", "/jobs/a%2Fb%2520c").parameters.at("job") == "a/b%20c");
  CHECK(router.match("GET", "/jobs/a/b").kind == Match::Kind::no_such_path);
  CHECK(router.match("GET", "/jobs/").kind == Match::Kind::no_such_path);
  CHECK(router.match("GET", "/jobs").kind == Match::Kind::no_such_path);
  CHECK(router.match("GET", "").kind == Match::Kind::no_such_path);
  CHECK(router.match("GET", "*").kind == Match::Kind::no_such_path);
}

TEST_CASE("Another method of a known path is told what there is") {
  const auto match = Router(operations).match("PATCH", "/jobs/7");
  CHECK(match.kind == Match::Kind::no_such_method);
  CHECK(match.allow == "DELETE, GET, HEAD");
}

TEST_CASE("Two operations of one method and path are a mistake of ours") {
  CHECK_THROWS_AS(Router({operation("GET", "/a"), operation("GET", "/a")}), std::logic_error);
}
