#include "common/audit/verifier.h"
#include "common/crypto/crypto.h"
#include "tests/support/catch.h"
#include "workers/audit_writer/core/reach.h"

#include <algorithm>

using namespace rollcall;
using namespace rollcall::audit;
using audit_writer::Reach;
using audit_writer::Reached;
using audit_writer::Span;

namespace {

Content content(int number) {
  Content row;
  row.event_id = crypto::derived_uuid({"event", std::to_string(number)});
  row.occurred_at = 1'790'000'000'000'000 + number;
  row.recorded_at = row.occurred_at + 5;
  row.tenant_id = "contoso";
  row.action = "member_added";
  row.actor = "contoso/ada";
  row.actor_salt = "0190f3a1-5b1e-4c39-9d2f-0b6f0d5c1a11";
  row.member_object_id = "0190f3a1-5b1e-4c39-9d2f-0b6f0d5c1a12";
  row.subject_salt = "0190f3a1-5b1e-4c39-9d2f-0b6f0d5c1a13";
  return row;
}

/// A chain of three seals with two events each, as it would be read.
struct Written {
  Written() {
    head.chain = {1, "rollcall.audit", 0};
    std::string previous = first_root();
    for (int number = 1; number <= 3; ++number) {
      std::vector<Content> of{content(2 * number), content(2 * number + 1)};
      std::ranges::sort(of, {}, &Content::event_id);
      Seal seal{1, number, 1, 2L * number, 2L * number + 2, 2, 1'790'000'000'000'000, previous, {}, {}};
      std::vector<Entry> entries;
      for (const auto& row : of)
        entries.push_back({row.event_id, month_of(row.occurred_at), content_hash(row)});
      seal.manifest = write_manifest(entries);
      seal.root = previous = root_of(head.chain, seal);
      seals.push_back(seal);
      rows.push_back(of);
    }
    head.number = 3;
    head.root = previous;
  }
  std::vector<std::string> verify(Knowledge known = {}) const {
    std::vector<std::string> kinds;
    known.heads = {head};
    Verifier verifier(std::move(known), [&](const Finding& one) { kinds.push_back(one.kind); });
    for (std::size_t i = 0; i < seals.size(); ++i) {
      verifier.seal(seals[i]);
      for (const auto& row : rows[i])
        verifier.row(row);
    }
    verifier.finish();
    return kinds;
  }
  Head head;
  std::vector<Seal> seals;
  std::vector<std::vector<Content>> rows;
};
using Kinds = std::vector<std::string>;

}  // namespace

TEST_CASE("a chain that is as it was written verifies") {
  CHECK(Written().verify().empty());
}

TEST_CASE("the same hash never comes of another row, though its fields read the same in a line") {
  Content a = content(1), b = content(1);
  a.tenant_id = "ab", a.organization_id = "c";
  b.tenant_id = "a", b.organization_id = "bc";
  CHECK(content_hash(a) != content_hash(b));
  b = a;
  b.organization_id = std::nullopt;
  b.group_id = "c";
  CHECK(content_hash(a) != content_hash(b));
  b = a;
  b.graph_request_id = "";  // an empty text is not an absent one
  CHECK(content_hash(a) != content_hash(b));
}

TEST_CASE("what takes a person's place keeps the hash, and nothing else does") {
  const Content whole = content(1);
  Content erased = whole;
  // What audit.erase() writes: the commitment, and no salt.
  erased.subject_commitment = crypto::sha256(
      std::string("\1\0\0\0\7subject", 12) + std::string("\1\0\0\0\x24", 5) + *whole.subject_salt +
      std::string("\1\0\0\0\x24", 5) + *whole.member_object_id + std::string("\1\0\0\0\2{}", 7));
  erased.member_object_id = erased.subject_salt = std::nullopt;
  erased.subject_erasure = "0190f3a1-5b1e-4c39-9d2f-0b6f0d5c1a14";
  CHECK(content_hash(erased) == content_hash(whole));
  CHECK(well_formed(erased));
  erased.detail = R"({"a": 1})";
  CHECK_FALSE(well_formed(erased));
  erased.detail = "{}";
  erased.subject_erasure = std::nullopt;
  CHECK_FALSE(well_formed(erased));
}

TEST_CASE("a chain's own faults are told apart") {
  Written chain;
  SECTION("a row") {
    chain.rows[1][0].action = "member_removed";
    CHECK(chain.verify() == Kinds{"row_changed"});
  }
  SECTION("a row and its seal, consistently") {
    chain.rows[1][0].action = "member_removed";
    std::vector<Entry> entries;
    for (const auto& row : chain.rows[1])
      entries.push_back({row.event_id, month_of(row.occurred_at), content_hash(row)});
    chain.seals[1].manifest = write_manifest(entries);
    chain.seals[1].root = root_of(chain.head.chain, chain.seals[1]);
    CHECK(chain.verify() == Kinds{"link_broken"});
  }
  SECTION("a seal and its rows") {
    chain.seals.erase(chain.seals.begin() + 1);
    chain.rows.erase(chain.rows.begin() + 1);
    CHECK(chain.verify() == Kinds{"seal_missing"});
  }
  SECTION("the end") {
    chain.seals.pop_back();
    CHECK(chain.verify() == Kinds{"seal_missing"});
  }
  SECTION("the head") {
    chain.head.root = first_root();
    CHECK(chain.verify() == Kinds{"head_changed"});
  }
  SECTION("what was published") {
    Knowledge known;
    known.published_known = true;
    known.published[1][2] = chain.seals[1].root;
    CHECK(chain.verify(known).empty());
    known.published[1][2] = first_root();
    known.published[1][4] = first_root();
    CHECK(chain.verify(known) == Kinds{"root_differs", "seal_missing"});
    known.published.clear();
    CHECK(chain.verify(known) == Kinds{"root_unpublished"});
  }
  SECTION("retention that nothing tells of") {
    Knowledge known;
    const auto month = month_of(chain.rows[0][0].occurred_at);
    const auto record = chain.rows[2][0].event_id;
    chain.rows[0].clear();
    known.dropped[month] = {2, record};
    CHECK(chain.verify(known).empty());
    known.dropped[month] = {1, record};
    CHECK(chain.verify(known) == Kinds{"retention_differs"});
    known.dropped[month] = {2, Uuid{}};
    CHECK(chain.verify(known) == Kinds{"retention_unrecorded"});
  }
}

TEST_CASE("a manifest is read back, and a bent one is refused") {
  const auto bytes = write_manifest({{content(1).event_id, 671, content_hash(content(1))},
                                     {content(2).event_id, 5, content_hash(content(2))}});
  CHECK(read_manifest(bytes).value().size() == 2);
  CHECK_FALSE(read_manifest(bytes.substr(1)));
  CHECK_FALSE(read_manifest(bytes + bytes));  // an event twice, and out of order
  CHECK(read_manifest("").value().empty());
}

TEST_CASE("what was sealed before is left out, and a topic that began anew is not") {
  using audit_writer::reach_of;
  const Reached chain{3, 7, 100};
  const auto spans = [](const std::optional<Reach>& reach, std::int64_t generation, Span span) {
    return reach && reach->generation == generation && reach->span.first == span.first &&
           reach->span.next == span.next;
  };
  CHECK(spans(reach_of(chain, {100, 120}, true), 3, {100, 120}));
  CHECK(spans(reach_of(chain, {110, 120}, true), 3, {110, 120}));  // a gap stays one
  CHECK(spans(reach_of(chain, {90, 120}, true), 3, {100, 120}));
  CHECK_FALSE(reach_of(chain, {80, 100}, true));
  CHECK(spans(reach_of(chain, {0, 20}, false), 4, {0, 20}));
  CHECK(spans(reach_of({1, 0, 0}, {40, 50}, false), 1, {40, 50}));  // the first seal of a chain
}
