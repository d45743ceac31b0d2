#pragma once
#include "common/kafka/kafka.h"

#include <chrono>
#include <vector>

namespace rollcall::audit_writer {

/// Sends messages and waits until the broker has every one. Throws Error{transient, "kafka_unavailable"}
/// otherwise: some may have arrived, so a repetition parks them twice, but none is lost.
void send_and_wait(kafka::Producer& producer, const std::vector<kafka::Message>& messages,
                   std::chrono::milliseconds timeout);

}  // namespace rollcall::audit_writer
