#include "common/crypto/crypto.h"
#include "tests/simulation/worker_process.h"

namespace rollcall::simulation {

void WorkerProcess::subscribe(Feed& feed) {
  feed.consumer = services_.broker.subscribe(
      {host_,
       feed.bulk ? "member-sync-ticks" : "member-sync",
       feed.bulk ? "ticks" : "commands",
       [this, &feed] { poll(feed); },
       [this, &feed](const std::vector<kafka::TopicPartition>& partitions) {
         commit(feed);
         for (const auto& partition : partitions) {
           feed.offsets->forget(partition);
           std::erase_if(begun_, [&](const auto& entry) { return entry.first.first == partition; });
         }
       },
       {},
       0,
       false,
       false});
}

void WorkerProcess::poll(Feed& feed) {
  if (stopping_) return;
  const auto open = feed.offsets->open();
  if (open >= services_.settings.open_max) {
    services_.timeline.after(milliseconds{100}, host_,
                             [this, &feed] { services_.broker.touch(feed.consumer); });
    return;
  }
  const auto records = services_.broker.poll(feed.consumer, 20);
  for (const auto& record : records)
    take(feed, record);
  // Bounded memory: what is open never exceeds the bound by more than one poll.
  if (feed.offsets->open() > services_.settings.open_max + 20)
    throw Violation(host_->name + " holds more open messages than its bound");
}

void WorkerProcess::take(Feed& feed, const Record& record) {
  kafka::Message message;
  std::tie(message.topic, message.partition) = record.partition;
  message.offset = record.offset;
  const worker::Ticket ticket{feed.offsets, std::make_shared<const kafka::Message>(std::move(message))};
  feed.offsets->started(record.partition, record.offset);
  if (const auto* tick = std::get_if<TickNote>(&record.payload)) return serve_tick(*tick, ticket);
  const auto& note = std::get<CommandNote>(record.payload);
  worker::Command command;
  command.run_id = note.run;
  command.organization_id = note.organization;
  command.operation = "sync";
  command.parameters = note.parameters;
  command.parameters_hash = std::to_string(note.parameters);
  command.urgent = !feed.bulk;
  command.ticket = ticket;
  put(std::move(command));
}

void WorkerProcess::commit(Feed& feed) {
  const auto next = feed.offsets->take_committable();
  if (!next.empty()) services_.broker.commit(feed.consumer, next);
}

void WorkerProcess::commit_soon() {
  if (std::exchange(commands_.committing, true)) return;
  services_.timeline.after(milliseconds{100}, host_, [this] {
    commands_.committing = false;
    commit(commands_);
    commit(ticks_);
  });
}

void WorkerProcess::finish(const worker::Ticket& ticket) {
  ticket.finish();
  commit_soon();
}

/// Deliveries: sent again until it arrives; only then may the message it answers be committed.
void WorkerProcess::deliver(const worker::Ticket& ticket, Message message) {
  services_.broker.publish(host_, message, [this, ticket, message](bool delivered) {
    if (delivered) return finish(ticket);
    services_.timeline.after(milliseconds{100}, host_, [this, ticket, message] { deliver(ticket, message); });
  });
}

/// TickServer: a run for each organization that has none open, and the tick is served, in that order.
void WorkerProcess::serve_tick(const TickNote& tick, const worker::Ticket& ticket) {
  persist<Stored>(
      [this, tick](Tables& tables) {
        const auto& schedule = tables.schedules[tick.schedule].schedule;
        const auto id = crypto::derived_uuid({schedule.id, to_rfc3339(tick.due)});
        std::vector<Message> messages;
        for (const auto& [organization, row] : tables.organizations) {
          const auto run = crypto::derived_uuid({id.to_string(), organization.to_string()});
          if (run.bytes[0] % 2 == 0)  // a sweep finds a cause for some of them
            tables.runs.enqueue_unless_open({run, organization, id, 0, true}, services_.timeline.wall(),
                                            messages);
        }
        const auto row = tables.ticks.find({tick.schedule, tick.due});
        if (row != tables.ticks.end()) row->second.served_at = services_.timeline.wall();
        return services_.database.store(tables, std::move(messages));
      },
      [this, ticket](const Stored& stored) {
        services_.database.publish(services_.broker, host_, stored);
        finish(ticket);
      });
}

}  // namespace rollcall::simulation
