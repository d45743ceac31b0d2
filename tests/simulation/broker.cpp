#include "tests/simulation/broker.h"

#include <algorithm>

namespace rollcall::simulation {

void Broker::create(const std::string& topic, int partitions) {
  partitions_[topic] = partitions;
  for (int i = 0; i < partitions; ++i)
    logs_[{topic, i}];
}

void Broker::publish(const HostPtr& from, Message message, std::function<void(bool)> done) {
  const bool fails = away || from->cut_off || random_.chance(faults.undelivered);
  const bool kept = !fails || (!away && !from->cut_off && random_.chance(faults.kept_anyway));
  const auto delay = random_.between(milliseconds{1}, faults.latency);
  if (kept) {
    // An idempotent producer keeps the order of what it sends.
    auto& last = last_append_[{from->name, message.topic}];
    last = std::max(last, timeline_.now() + delay);
    const auto arrives = std::chrono::ceil<milliseconds>(last - timeline_.now());
    if (random_.chance(faults.twice))
      timeline_.after(arrives + random_.between(milliseconds{0}, milliseconds{3'000}), nullptr,
                      [this, message] { append(message); });
    timeline_.after(arrives, nullptr, [this, message = std::move(message)] { append(message); });
  }
  if (!done) return;
  const auto answered = delay + (fails ? milliseconds{1'000} : milliseconds{2});
  timeline_.after(answered, from, [done = std::move(done), fails] { done(!fails); });
}

void Broker::append(const Message& message) {
  const int partition = static_cast<int>(std::hash<Uuid>{}(message.key) %
                                         static_cast<std::size_t>(partitions_.at(message.topic)));
  const kafka::TopicPartition at{message.topic, partition};
  auto& log = logs_.at(at);
  if (random_.chance(gaps)) log.end += random_.between(1, 3);
  const auto offset = log.end++;
  log.records.emplace(offset, Record{at, offset, timeline_.now(), message.payload});
  for (auto& [name, group] : groups_) {
    for (const auto& member : group.members)
      if (member->positions.contains(at)) wake(member, faults.latency);
  }
  for (const auto& tail : tails_[message.topic])
    wake(tail, message.topic);
}

std::shared_ptr<Broker::Consumer> Broker::subscribe(Consumer given) {
  const auto consumer = std::make_shared<Consumer>(std::move(given));
  groups_[consumer->group].members.push_back(consumer);
  timeline_.after(random_.between(milliseconds{1}, milliseconds{300}), nullptr,
                  [this, group = consumer->group, topic = consumer->topic] { rebalance(group, topic); });
  return consumer;
}

/// Eager: everybody gives up everything, those who answer say so first; then all is dealt anew.
void Broker::rebalance(const std::string& name, const std::string& topic) {
  auto& group = groups_[name];
  const auto responds = [&](const auto& member) { return member->host->responds(timeline_.now()); };
  for (const auto& member : std::vector(group.members)) {
    if (!responds(member) || member->positions.empty()) continue;
    std::vector<kafka::TopicPartition> revoked;
    for (const auto& [partition, position] : member->positions)
      revoked.push_back(partition);
    member->on_revoked(revoked);
  }
  // Who does not answer now is out; it joins again should it go on.
  std::erase_if(group.members, [&](const auto& member) { return !responds(member); });
  ++group.generation;
  for (const auto& member : group.members) {
    member->positions.clear();
    member->generation = group.generation;
  }
  if (group.members.empty()) return;
  std::size_t turn = static_cast<std::size_t>(random_.below(static_cast<int>(group.members.size())));
  for (int i = 0; i < partitions_.at(topic); ++i) {
    const auto& member = group.members[turn++ % group.members.size()];
    member->positions[{topic, i}] = group.committed[{topic, i}];
  }
  timeline_.note("broker: {} rebalanced, {} members", name, group.members.size());
  for (const auto& member : group.members)
    wake(member, milliseconds{100});
}

void Broker::wake(const std::shared_ptr<Consumer>& consumer, milliseconds within) {
  if (std::exchange(consumer->woken, true)) return;
  timeline_.after(random_.between(milliseconds{1}, within), consumer->host, [this, consumer] {
    consumer->woken = false;
    if (consumer->left) return;
    if (consumer->host->cut_off) return wake(consumer, milliseconds{1'000});
    const auto& members = groups_[consumer->group].members;
    if (std::ranges::find(members, consumer) ==
        members.end()) {  // it was thought dead: what it held is others'
      std::vector<kafka::TopicPartition> lost;
      for (const auto& [partition, position] : std::exchange(consumer->positions, {}))
        lost.push_back(partition);
      consumer->on_revoked(lost);
      groups_[consumer->group].members.push_back(consumer);
      return rebalance(consumer->group, consumer->topic);
    }
    consumer->on_records();
  });
}

std::vector<Record> Broker::poll(const std::shared_ptr<Consumer>& consumer, std::size_t max) {
  std::vector<Record> records;
  if (away) {
    wake(consumer, milliseconds{1'000});
    return records;
  }
  for (auto& [partition, position] : consumer->positions) {
    const auto& log = logs_.at(partition).records;
    for (auto at = log.lower_bound(position); at != log.end() && records.size() < max; ++at) {
      records.push_back(at->second);
      position = at->first + 1;
    }
  }
  if (records.size() == max) wake(consumer, milliseconds{5});
  return records;
}

void Broker::commit(const std::shared_ptr<Consumer>& consumer,
                    const std::map<kafka::TopicPartition, std::int64_t>& next) {
  auto& group = groups_[consumer->group];
  // Refused: another generation assigned it anew.
  const bool member = std::ranges::find(group.members, consumer) != group.members.end();
  if (!member || consumer->generation != group.generation) return;
  for (const auto& [partition, offset] : next) {
    const auto& log = logs_.at(partition).records;
    auto& committed = group.committed[partition];
    for (auto at = log.lower_bound(committed); at != log.end() && at->first < offset; ++at)
      on_committed(at->second);
    if (offset < committed)
      throw Violation(fmt::format("{} moved its offset of {}/{} back from {} to {}", consumer->host->name,
                                  partition.first, partition.second, committed, offset));
    if (away || consumer->host->cut_off || random_.chance(faults.commit_lost)) continue;
    committed = offset;
  }
}

void Broker::leave(const std::shared_ptr<Consumer>& consumer) {
  auto& group = groups_[consumer->group];
  consumer->left = true;
  if (std::erase(group.members, consumer) > 0) {
    consumer->positions.clear();
    rebalance(consumer->group, consumer->topic);
  }
}

void Broker::watch(const HostPtr& host) {
  timeline_.after(session_timeout, nullptr, [this, host] {
    if (host->responds(timeline_.now())) return;
    for (auto& [name, group] : groups_) {
      const auto member = std::ranges::find(group.members, host, [](const auto& one) { return one->host; });
      if (member == group.members.end()) continue;
      const std::string topic = (*member)->topic;
      rebalance(name, topic);
    }
  });
}

void Broker::tail(const HostPtr& host, const std::string& topic, std::function<void(const Record&)> read) {
  const auto tail = std::make_shared<Tail>(Tail{host, std::move(read)});
  tails_[topic].push_back(tail);
  wake(tail, topic);
}

void Broker::wake(const std::shared_ptr<Tail>& tail, const std::string& topic) {
  if (!tail->host->alive || std::exchange(tail->woken, true)) return;
  timeline_.after(random_.between(milliseconds{1}, faults.latency), tail->host, [this, tail, topic] {
    tail->woken = false;
    read_on(tail, topic);
  });
}

void Broker::read_on(const std::shared_ptr<Tail>& tail, const std::string& topic) {
  if (away || tail->host->cut_off) {
    tail->woken = true;
    timeline_.after(milliseconds{1'000}, tail->host, [this, tail, topic] {
      tail->woken = false;
      wake(tail, topic);
    });
    return;
  }
  const auto& log = logs_.at({topic, 0}).records;
  for (auto at = log.lower_bound(tail->position); at != log.end(); ++at) {
    tail->position = at->first + 1;
    tail->read(at->second);
  }
}

void Broker::check_committed(SteadyTime since) const {
  for (const auto& [name, group] : groups_) {
    for (const auto& [partition, committed] : group.committed) {
      const auto& records = logs_.at(partition).records;
      if (records.empty() || records.rbegin()->second.appended < since) continue;
      if (committed <= records.rbegin()->first)
        throw Violation(fmt::format("{} has not committed {}/{} beyond {}, which ends with {}", name,
                                    partition.first, partition.second, committed, records.rbegin()->first));
    }
  }
}

void Broker::lose_data() {
  for (auto& [partition, log] : logs_)
    if (partition.first != "throttle") log.records.clear();
}

}  // namespace rollcall::simulation
