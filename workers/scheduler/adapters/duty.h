#pragma once
#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

namespace rollcall::scheduler {

/// Does `work` again and again until `stop`; it answers how long to wait before the next time. What it throws
/// is logged once per outage and waited out with backoff: one duty's trouble never reaches another.
void keep_doing(const std::string& duty, const std::function<std::chrono::milliseconds()>& work,
                std::stop_token stop);

}  // namespace rollcall::scheduler
