#include "workers/audit_writer/adapters/batch.h"

#include "common/kafka/dead_letter.h"
#include "common/log/log.h"

#include <algorithm>

namespace rollcall::audit_writer {
namespace {

constexpr const char* event_type = "rollcall.audit-event.v1";

Result<Event> judge(const kafka::Message& message, const schema::Validator& schemas, WallTime now) {
  if (const auto type = message.header("ce_type"); type && *type != event_type) {
    return unexpected<Problem>(
        Problem{"unknown_message_type", "ce_type is '" + *type + "', not " + event_type});
  }
  const auto value = parse_json(message.value);
  if (!value) return unexpected<Problem>(value.error());
  if (!plainly_valid(*value)) {
    if (auto problem = schemas.check(event_type, *value)) return unexpected<Problem>(std::move(*problem));
  }
  return to_event(*value, now);
}

}  // namespace

void Batch::add(const kafka::Message& message, const schema::Validator& schemas, const std::string& group,
                WallTime now) {
  auto& slice =
      slices.try_emplace({message.topic, message.partition}, Slice{{message.offset, 0}, {}}).first->second;
  // After a rebalance the same partition may come again from further back.
  slice.span = {std::min(slice.span.first, message.offset), std::max(slice.span.next, message.offset + 1)};
  if (auto event = judge(message, schemas, now)) {
    event->offset = message.offset;
    slice.events.push_back(std::move(*event));
  } else {
    log::warn("message_parked", {{"topic", message.topic},
                                 {"partition", message.partition},
                                 {"offset", message.offset},
                                 {"code", event.error().code},
                                 {"message", event.error().message}});
    parked.push_back(kafka::dead_letter(message, event.error(), group, now));
  }
  next[{message.topic, message.partition}] = message.offset + 1;
  ++messages;
}

}  // namespace rollcall::audit_writer
