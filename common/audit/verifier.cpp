#include "common/audit/verifier.h"

#include <algorithm>
#include <limits>

namespace rollcall::audit {

Verifier::Verifier(Knowledge known, std::function<void(const Finding&)> report)
    : known_(std::move(known)), report_(std::move(report)) {
  for (const Head& head : known_.heads)
    heads_[head.chain.chain] = head;
  for (const auto& [month, dropped] : known_.dropped)
    records_.insert(dropped.event_id);
  for (const auto& [id, erasure] : known_.erasures)
    records_.insert(erasure.event_id);
  for (const auto& [chain, roots] : known_.published)
    if (!roots.empty()) chains_published_.insert(chain);
}

std::string Verifier::name_of(std::int64_t chain) const {
  const auto head = heads_.find(chain);
  if (head == heads_.end()) return "chain " + std::to_string(chain);
  return head->second.chain.topic + "/" + std::to_string(head->second.chain.partition);
}

void Verifier::found(Finding finding) {
  ++tally_.findings;
  report_(finding);
}

void Verifier::found_in_seal(const std::string& kind, const std::string& message,
                             std::optional<Uuid> event_id) {
  found({kind, message, event_id, std::nullopt, name_of(seal_->chain), seal_->number});
}

void Verifier::begin_chain(std::int64_t chain) {
  end_chain();
  chain_ = chain;
  chains_seen_.insert(chain);
  ++tally_.chains;
  if (!heads_.contains(chain)) {
    found({"head_missing", "the chain's head is gone from audit.chains", {}, {}, name_of(chain), {}});
    heads_[chain].chain.chain = chain;
  }
}

/// Published roots of seals that are not there, up to but not including `upto`.
void Verifier::check_published(std::int64_t upto) {
  auto& published = known_.published[*chain_];
  while (!published.empty() && published.begin()->first < upto) {
    const auto from = known_.from.find(*chain_);
    if (from == known_.from.end() || published.begin()->first >= from->second)
      found({"seal_missing",
             "its root was published, but the seal is gone",
             {},
             {},
             name_of(*chain_),
             published.begin()->first});
    published.erase(published.begin());
  }
}

void Verifier::seal(const Seal& seal) {
  end_seal();
  const bool begins = chain_ != seal.chain;
  if (begins) begin_chain(seal.chain);
  const Head& head = heads_.at(seal.chain);
  const std::optional<Seal> before = begins ? std::nullopt : std::move(seal_);
  seal_ = seal;
  ++tally_.seals;

  const auto from = known_.from.find(seal.chain);
  const std::int64_t first = from == known_.from.end() ? 1 : from->second;
  const std::int64_t expected = before ? before->number + 1 : first;
  if (seal.number != expected) {
    const std::string which = seal.number - expected == 1 ? "seal " + std::to_string(expected)
                                                          : "seals " + std::to_string(expected) + " to " +
                                                                std::to_string(seal.number - 1);
    found({"seal_missing", which + " gone from audit.seals", {}, {}, name_of(seal.chain), expected});
  } else if (before) {
    if (seal.previous != before->root)
      found_in_seal("link_broken", "it does not follow from the root of the seal before it");
    if (seal.generation == before->generation && seal.first_offset != before->next_offset) {
      found_in_seal("offsets_gap", "offsets " + std::to_string(before->next_offset) + " to " +
                                       std::to_string(seal.first_offset - 1) +
                                       " of the partition were never read: Kafka lost them");
    }
  } else if (seal.number == 1 && seal.previous != first_root()) {
    found_in_seal("link_broken", "the first seal follows from something");
  }
  if (root_of(head.chain, seal) != seal.root)
    found_in_seal("seal_changed", "it does not give its own root: the seal was changed");
  check_published(seal.number);
  auto& published = known_.published[seal.chain];
  if (const auto root = published.find(seal.number); root != published.end()) {
    if (root->second != seal.root)
      found_in_seal("root_differs",
                    "another root was published: the chain was rewritten at or before this seal");
    published.erase(root);
  }

  const auto entries = read_manifest(seal.manifest);
  manifest_read_ = entries.has_value();
  entries_ = entries.value_or(std::vector<Entry>{});
  at_ = 0;
  if (!manifest_read_) found_in_seal("seal_changed", "its list of events cannot be read");
  if (manifest_read_ && seal.events != static_cast<std::int64_t>(entries_.size()))
    found_in_seal("seal_changed", "it lists another number of events than it says");
  for (const Entry& entry : entries_)
    if (records_.contains(entry.event_id)) recorded_.insert(entry.event_id);
}

void Verifier::missing(const Entry& entry) {
  if (known_.dropped.contains(entry.month)) {
    ++tally_.dropped;
    ++dropped_events_[entry.month];
    return;
  }
  found_in_seal("row_missing", "the event was sealed, and its row is gone", entry.event_id);
}

void Verifier::check_content(const Content& row, const Entry& entry) {
  if (content_hash(row) != entry.content || month_of(row.occurred_at) != entry.month || !well_formed(row))
    found_in_seal("row_changed", "the event is not as it was sealed", row.event_id);
}

void Verifier::count_erasures(const Content& row) {
  for (const Text* erasure : {&row.actor_erasure, &row.subject_erasure}) {
    if (!*erasure) continue;
    ++tally_.erased;
    ++erased_parts_[**erasure];
    if (!known_.erasures.contains(**erasure))
      found_in_seal("erasure_unrecorded", "a part was erased, and audit.erasures does not know of it",
                    row.event_id);
  }
}

void Verifier::row(const Content& row) {
  ++tally_.events;
  while (at_ < entries_.size() && entries_[at_].event_id < row.event_id)
    missing(entries_[at_++]);
  if (at_ < entries_.size() && entries_[at_].event_id == row.event_id) {
    check_content(row, entries_[at_++]);
    count_erasures(row);
  } else if (manifest_read_) {
    found_in_seal("row_inserted", "the row is not among the events of the seal that it names", row.event_id);
  }
}

void Verifier::stray(const Content& row) {
  ++tally_.events;
  found({"row_inserted", "no seal covers the row", row.event_id, std::nullopt, {}, std::nullopt});
}

void Verifier::end_seal() {
  while (at_ < entries_.size())
    missing(entries_[at_++]);
  entries_.clear();
  at_ = 0;
}

void Verifier::end_chain() {
  if (!chain_) return;
  const Head& head = heads_.at(*chain_);
  if (head.number > seal_->number) {
    found({"seal_missing",
           "seals " + std::to_string(seal_->number + 1) + " to " + std::to_string(head.number) +
               " gone from the end of the chain",
           {},
           {},
           name_of(*chain_),
           seal_->number + 1});
  } else if (!head.root.empty() && (head.number < seal_->number || head.root != seal_->root)) {
    found({"head_changed",
           "the chain's head in audit.chains is not its last seal",
           {},
           {},
           name_of(*chain_),
           head.number});
  }
  check_published(std::numeric_limits<std::int64_t>::max());
  if (known_.published_known && !chains_published_.contains(*chain_))
    found({"root_unpublished",
           "no root of the chain stands on the topic: nothing outside the database vouches for it",
           {},
           {},
           name_of(*chain_),
           head.number});
}

Tally Verifier::finish() {
  end_seal();
  end_chain();
  for (const auto& [chain, head] : std::map(heads_)) {
    if (chains_seen_.contains(chain) || known_.from.contains(chain)) continue;
    if (head.number > 0)
      found({"seal_missing",
             "all " + std::to_string(head.number) + " seals of the chain are gone",
             {},
             {},
             name_of(chain),
             1});
  }
  for (const auto& [chain, roots] : known_.published) {
    if (!roots.empty() && !chains_seen_.contains(chain) && known_.from.empty())
      found({"seal_missing",
             "roots of the chain were published, and it has no seals",
             {},
             {},
             name_of(chain),
             roots.begin()->first});
  }
  const auto recorded = [&](const Uuid& id) {
    return recorded_.contains(id) || known_.on_their_way.contains(id);
  };
  if (!known_.from.empty()) return tally_;  // the rest can be told from the whole trail only
  for (const auto& [month, dropped] : known_.dropped) {
    if (!recorded(dropped.event_id))
      found({"retention_unrecorded", "a month was dropped, and no sealed event says so", dropped.event_id});
    if (dropped.events != dropped_events_[month])
      found({"retention_differs", "the month held " + std::to_string(dropped.events) +
                                      " events when it was dropped, and " +
                                      std::to_string(dropped_events_[month]) + " are gone"});
  }
  for (const auto& [id, erasure] : known_.erasures) {
    if (!recorded(erasure.event_id))
      found({"erasure_unrecorded", "erasure " + id + " has no sealed event that says so", erasure.event_id});
    // Retention may have taken rows of it away.
    if (erased_parts_[id] > erasure.parts || (known_.dropped.empty() && erased_parts_[id] != erasure.parts))
      found({"erasure_differs", "erasure " + id + " erased " + std::to_string(erasure.parts) +
                                    " parts, and " + std::to_string(erased_parts_[id]) + " name it"});
  }
  return tally_;
}

}  // namespace rollcall::audit
