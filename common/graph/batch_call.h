#pragma once
#include "common/graph/client.h"
#include "common/graph/governor.h"
#include "common/http_client/client.h"

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace rollcall::graph {


/// One $batch from start to done.
struct BatchCall {
  http_client::Request http;
  std::vector<Request> requests;
  std::vector<Cost> costs;
  std::uint64_t reservation = 0;
  Usage* usage = nullptr;
  std::stop_token stop;
  std::string token;
  bool refreshed = false;
  std::function<void(std::vector<Response>)> done;
};

}  // namespace rollcall::graph
