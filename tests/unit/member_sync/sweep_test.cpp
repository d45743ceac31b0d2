#include "workers/member_sync/core/sweep.h"

#include "tests/support/catch.h"
#include "tests/unit/member_sync/support.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include <rapidcheck.h>

using namespace rollcall;
using namespace rollcall::member_sync;
using namespace rollcall::member_sync::test;

namespace {

/// The packs as the database has them.
struct Books {
  std::vector<Place> places;
  std::vector<long> packs;
  long last = 0;

  void apply(const Repacking& change) {
    std::map<long, long> made;
    for (std::size_t i = 1; i <= change.packs_to_make; ++i) {
      made[-static_cast<long>(i)] = ++last;
      packs.push_back(last);
    }
    const auto drop = [&](const Uuid& organization) {
      std::erase_if(places, [&](const Place& place) { return place.organization == organization; });
    };
    for (const Uuid& organization : change.gone)
      drop(organization);
    for (Place place : change.places) {
      drop(place.organization);
      if (place.pack < 0) place.pack = made.at(place.pack);
      places.push_back(place);
    }
    for (const long pack : change.dissolved)
      std::erase(packs, pack);
  }
  [[nodiscard]] std::map<long, std::size_t> sizes() const {
    std::map<long, std::size_t> sizes;
    for (const long pack : packs)
      sizes[pack] = 0;
    for (const Place& place : places)
      ++sizes[place.pack];
    return sizes;
  }
  [[nodiscard]] std::map<Uuid, std::pair<Uuid, long>> by_organization() const {
    std::map<Uuid, std::pair<Uuid, long>> all;
    for (const Place& place : places)
      all[place.organization] = {place.group, place.pack};
    return all;
  }
};

std::vector<LinkedGroup> linked(unsigned first, unsigned count) {
  std::vector<LinkedGroup> all;
  for (unsigned i = first; i < first + count; ++i)
    all.push_back({id(i), id(1'000'000 + i)});
  return all;
}

/// Some 200 organizations, each linked or not, a few of them to a second group.
std::vector<LinkedGroup> some_linked() {
  std::vector<LinkedGroup> all;
  const unsigned count = *rc::gen::inRange(0U, 200U);
  const auto seed = *rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<std::uint32_t>());
  std::mt19937 random(seed);
  for (unsigned i = 0; i < count; ++i) {
    const auto toss = random() % 10;
    if (toss < 7) all.push_back({id(i), id(1'000'000 + i + (toss == 0 ? 500'000 : 0))});
  }
  return all;
}

}  // namespace

TEST_CASE("ten thousand groups make two hundred packs") {
  Books books;
  books.apply(repack(linked(0, 10'000), {}, {}));
  CHECK(books.packs.size() == 200);
  CHECK(books.places.size() == 10'000);
}

TEST_CASE("what is linked stands in one of the fewest packs, through any changes") {
  CHECK(rc::check("packs", [] {
    Books books;
    for (int round = 0; round < 4; ++round) {
      const auto before = books.by_organization();
      const auto now = some_linked();
      const Repacking change = repack(now, books.places, books.packs);
      books.apply(change);
      const auto after = books.by_organization();
      RC_ASSERT(after.size() == books.places.size());
      RC_ASSERT(after.size() == now.size());
      for (const LinkedGroup& one : now)
        RC_ASSERT(after.at(one.organization).first == one.group);
      RC_ASSERT(books.packs.size() == (now.size() + pack_groups_max - 1) / pack_groups_max);
      for (const auto& [pack, size] : books.sizes()) {
        RC_ASSERT(std::ranges::count(books.packs, pack) == 1);
        RC_ASSERT(size >= 1U && size <= pack_groups_max);
      }
      // Nobody moves but for a reason: each move costs a new link, and a gap in what was watched.
      for (const auto& [organization, place] : after) {
        const auto known = before.find(organization);
        if (known == before.end() || known->second.first != place.first) continue;
        if (std::ranges::count(change.dissolved, known->second.second) == 0)
          RC_ASSERT(place.second == known->second.second);
      }
      const Repacking again = repack(now, books.places, books.packs);
      RC_ASSERT(again.gone.empty() && again.places.empty() && again.dissolved.empty() &&
                again.packs_to_make == 0U);
    }
  }));
}

TEST_CASE("newcomers go where fewest links must be made anew") {
  Books books;
  auto all = linked(0, 150);
  books.apply(repack(all, {}, {}));
  // One leaves the first pack, twenty leave the second: a newcomer for each of ten places changes one pack.
  std::map<long, int> left;
  std::erase_if(all, [&](const LinkedGroup& one) {
    const long pack = books.by_organization().at(one.organization).second;
    const int leaving = pack == 1 ? 1 : pack == 2 ? 20 : 0;
    return left[pack]++ < leaving;
  });
  for (const LinkedGroup& one : linked(500, 10))
    all.push_back(one);
  std::set<long> changed;
  for (const Place& place : repack(all, books.places, books.packs).places)
    changed.insert(place.pack);
  CHECK(changed == std::set<long>{2});
}

TEST_CASE("a sweep starts all that are known to need a run, and a limited number of the others") {
  const std::vector<Candidate> candidates{{id(1), Need::roster},    {id(2), Need::unwatched},
                                          {id(3), Need::changed},   {id(4), Need::overdue},
                                          {id(5), Need::unwatched}, {id(6), Need::unread}};
  CHECK(to_start(candidates, 2) == std::vector<Uuid>{id(1), id(2), id(3), id(4), id(6)});
  CHECK(to_start(candidates, 100).size() == 6);
}
