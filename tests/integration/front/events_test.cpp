#include "tests/integration/front/events_world.h"
#include "tests/support/catch.h"

#include <set>

using namespace rollcall;
using namespace rollcall::front_test;
using namespace std::chrono_literals;

TEST_CASE("News reaches those who may hear it, and nobody else") {
  EventsWorld world;
  Front front(world.options, world.topic);
  const auto ours = world.add({.asked_by = identity_of(stranger)});
  const auto foreign = world.add({.organization = world.foreign});
  Reading admin_reads(front, "/events", token_of(admin)),
      other_reads(front, "/events", token_of(other_admin)), asker_reads(front, "/events", token_of(stranger)),
      operator_reads(front, "/events", operator_token());
  CHECK(admin_reads.status() == 200);
  CHECK_THAT(admin_reads.head, Catch::Contains("text/event-stream") && Catch::Contains("no-cache"));
  for (auto* reading : {&admin_reads, &other_reads, &asker_reads, &operator_reads})
    CHECK(reading->next().event == "ready");

  world.tell(crypto::new_uuid(), "running");  // of a run that is nobody's
  world.tell(ours, "running", 1);
  for (auto* reading : {&admin_reads, &asker_reads, &operator_reads}) {
    const auto event = reading->next();
    CHECK(event.event == "job");
    CHECK(event.data()["job_id"] == ours.to_string());
    CHECK(event.data()["attempt"] == 1);
  }
  // It has gone through by now: had the other heard it, it would have come before this.
  world.tell(foreign, "running", 2);
  CHECK(other_reads.next().data()["job_id"] == foreign.to_string());
  CHECK(operator_reads.next().data()["job_id"] == foreign.to_string());

  // A right that was taken away ends with the next news.
  world.database.execute("UPDATE directory.members SET departed_at = now() WHERE organization_id = $1::uuid",
                         {postgres::value(world.ours)});
  world.tell(ours, "running", 3);
  CHECK(asker_reads.next().data()["attempt"] == 3);
  world.database.execute("UPDATE directory.members SET departed_at = NULL");
  world.tell(ours, "running", 4);
  CHECK(admin_reads.next().data()["attempt"] == 4);
}

TEST_CASE("With two fronts each reader gets all news, and an id of one goes on at the other") {
  EventsWorld world;
  Front one(world.options, world.topic), two(world.options, world.topic);
  std::vector<Uuid> jobs;
  for (int i = 0; i < 6; ++i)
    jobs.push_back(world.add({}));
  Reading at_one(one, "/events", token_of(admin)), at_two(two, "/events", token_of(admin));
  at_one.next(), at_two.next();
  for (std::size_t i = 0; i < 6; ++i)
    world.tell(jobs[i], "running", static_cast<int>(i));
  std::set<int> seen_at_one, seen_at_two;
  for (int i = 0; i < 6; ++i) {
    seen_at_one.insert(at_one.next().data()["attempt"].get<int>());
    seen_at_two.insert(at_two.next().data()["attempt"].get<int>());
  }
  CHECK(seen_at_one.size() == 6);
  CHECK(seen_at_two.size() == 6);
  const auto stood = at_one.last_id;
  for (std::size_t i = 0; i < 6; ++i)
    world.tell(jobs[i], "succeeded", 10 + static_cast<int>(i));
  for (int i = 0; i < 6; ++i)
    at_two.next();
  Reading back(two, "/events", token_of(admin), stood);
  std::set<int> seen;
  for (int i = 0; i < 6; ++i)
    seen.insert(back.next().data()["attempt"].get<int>());
  CHECK(seen == std::set<int>{10, 11, 12, 13, 14, 15});
  world.tell(jobs[0], "queued", 20);
  CHECK(back.next().data()["attempt"] == 20);
}

TEST_CASE("A reader that comes and goes under a stream of news misses nothing and gets nothing twice") {
  EventsWorld world;
  // Of what little is in memory most has to be read from Kafka.
  Front one(world.options, world.topic, {.memory_messages = 5}), two(world.options, world.topic);
  constexpr int count = 1500;
  std::vector<Uuid> jobs;
  for (int i = 0; i < 7; ++i)
    jobs.push_back(world.add({}));
  std::string last;
  {
    Reading first(one, "/events", token_of(admin));
    first.next();
    last = first.last_id;
  }
  std::jthread teller([&] {
    for (int i = 0; i < count; ++i) {
      world.tell(jobs[static_cast<std::size_t>(i % 7)], "running", i);
      if (i % 20 == 0) world.producer.flush(20s);
    }
    world.producer.flush(20s);
  });
  std::vector<int> times(count);
  int seen = 0;
  for (int round = 0; seen < count; ++round) {
    Reading reading(round % 2 ? two : one, "/events", token_of(admin), last);
    REQUIRE(reading.status() == 200);
    for (int i = 0; i < 37 + round % 5 && seen < count; ++i, ++seen) {
      const auto event = reading.next();
      REQUIRE(event.event == "job");
      ++times[static_cast<std::size_t>(event.data()["attempt"].get<int>())];
    }
    last = reading.last_id;
  }
  CHECK(std::count(times.begin(), times.end(), 1) == count);
}

TEST_CASE("An id that cannot be gone on from is told so, and what comes is heard") {
  EventsWorld world;
  Front front(world.options, world.topic, {.memory_messages = 1, .replay_messages = 3});
  const auto job = world.add({});
  Reading live(front, "/events", token_of(admin));
  live.next();
  for (int i = 0; i < 5; ++i) {
    world.tell(job, "running", i);
    live.next();
  }
  for (const auto* id : {"rubbish", "0.0.0", "zzzzz.0.0", "0.0.0.0", "1.-1.0"}) {
    INFO(id);
    Reading reading(front, "/events", token_of(admin), id);
    const auto event = reading.next();
    CHECK(event.event == "reset");
    CHECK(!event.id.empty());
    world.tell(job, "running", 7);
    while (reading.next().data()["attempt"] != 7) {
    }
  }
}

TEST_CASE("Who reads too slowly is let go of while others go on, and comes back to where it was") {
  EventsWorld world;
  http_server::Options small;
  small.stream_bytes_max = 64 * 1024;
  Front front(world.options, world.topic, {.replay_ahead_bytes = 32 * 1024}, small);
  const auto job = world.add({});
  Reading slow(front, "/events", token_of(admin), "", "", 4096);
  std::optional<Reading> quick(std::in_place, front, "/events", token_of(admin));
  slow.next(), quick->next();
  const Json large = {{"text", std::string(8'000, 'x')}};
  constexpr int count = 900;  // 7 MB: more than the kernel holds for a reader
  std::jthread teller([&] {
    for (int i = 0; i < count; ++i) {
      world.tell(job, "running", i, large);
      if (i % 4 == 0) world.producer.flush(20s);
    }
    world.producer.flush(20s);
  });
  int last = -1;
  std::string id = quick->last_id;
  while (last < count - 1) {
    const auto event = quick->next();
    if (event.event.empty()) {  // on a busy machine even it may be too slow: then it comes back
      quick.emplace(front, "/events", token_of(admin), id);
      continue;
    }
    if (event.event != "job") continue;
    REQUIRE(event.data()["attempt"] == last + 1);
    last = event.data()["attempt"];
    id = event.id;
  }
  int heard = -1;
  for (auto event = slow.next(); !event.event.empty(); event = slow.next()) {
    CHECK(event.data()["attempt"] == heard + 1);
    ++heard;
  }
  CHECK(heard < count - 1);  // its stream ended
  Reading back(front, "/events", token_of(admin), slow.last_id, "", 4096);
  while (heard < count - 1) {
    const auto event = back.next();
    REQUIRE(event.event == "job");
    REQUIRE(event.data()["attempt"] == ++heard);
  }
}

TEST_CASE("A stream is kept alive, and ends with the token it was opened with") {
  EventsWorld world;
  Front front(world.options, world.topic);
  const auto job = world.add({});
  Reading all(front, "/events", token_of(admin)),
      one(front, "/jobs/" + job.to_string() + "/events", token_of(admin));
  CHECK(all.next().event == "ready");
  CHECK(one.next().event == "job");
  front.world.clock.advance(16s);
  CHECK(all.next_text() == ":\n\n");
  CHECK(one.next_text() == ":\n\n");
  front.world.clock.advance(3h);
  for (auto* reading : {&all, &one}) {
    const auto event = reading->next();
    CHECK(event.event == "bye");
    CHECK(event.data()["reason"] == "token_expired");
    CHECK(reading->next().event.empty());
  }
}

TEST_CASE("A job is followed from any point to its end") {
  EventsWorld world;
  Front one(world.options, world.topic), two(world.options, world.topic);
  const auto job = world.add({.state = "queued"});
  const std::string path = "/jobs/" + job.to_string() + "/events";
  add_event(world.database, job, "approved");
  Reading reading(one, path, token_of(admin)), elsewhere(two, path, token_of(admin));
  for (auto* each : {&reading, &elsewhere}) {
    CHECK(each->next().data()["event"] == "approved");
    CHECK(each->next().data()["state"] == "queued");
  }
  const auto first_id = reading.last_id;
  world.set_state(job, "waiting");
  world.tell(job, "waiting");
  for (auto* each : {&reading, &elsewhere}) {
    CHECK(each->next().data()["event"] == "waiting");
    CHECK(each->next().data()["state"] == "waiting");
  }
  // News that says nothing new, late or twice, changes nothing.
  world.tell(job, "queued");
  world.tell(job, "waiting");
  world.flush();
  world.set_state(job, "succeeded");
  world.tell(job, "succeeded");
  for (auto* each : {&reading, &elsewhere}) {
    CHECK(each->next().data()["event"] == "succeeded");
    CHECK(each->next().data()["status"] == "Succeeded");
    CHECK(each->next().event.empty());
  }
  Reading again(two, path, token_of(admin), first_id);
  CHECK(again.next().data()["event"] == "waiting");
  CHECK(again.next().data()["event"] == "succeeded");
  CHECK(again.next().data()["state"] == "succeeded");
  CHECK(again.next().event.empty());
  CHECK(Reading(one, path, token_of(admin), reading.last_id).status() == 204);
  CHECK(Reading(one, path, token_of(other_admin)).status() == 404);
  CHECK(Reading(one, "/jobs/" + crypto::new_uuid().to_string() + "/events", operator_token()).status() ==
        404);
}

TEST_CASE("A job's history comes as a list to who asks for JSON") {
  EventsWorld world;
  Front front(world.options, world.topic);
  const auto job = world.add({});
  for (const auto* event : {"queued", "waiting", "succeeded"})
    add_event(world.database, job, event);
  const std::string target = "/api/v1/jobs/" + job.to_string() + "/events";
  const auto ask = [&](const std::string& query, const std::string& token) {
    return front.world.ask(
        {.target = target + query, .token = token, .headers = {{"Accept", "application/json"}}});
  };
  const auto first = ask("?limit=2", token_of(admin));
  REQUIRE(first.status == 200);
  const Json page = World::json(first);
  CHECK(front.world.components.mistakes("JobEventPage", page).empty());
  REQUIRE(page["value"].size() == 2);
  CHECK(page["value"][1]["event"] == "waiting");
  const std::string next = page["nextLink"];
  const Json rest = World::json(ask(next.substr(next.find('?')), token_of(admin)));
  CHECK(rest["value"].size() == 1);
  CHECK_FALSE(rest.contains("nextLink"));
  CHECK(ask("", token_of(other_admin)).status == 404);

  std::vector<front::Operation> operations;
  for (const auto& route : front::events_routes(*front.parts))
    operations.push_back(route.operation);
  const Json document = front::openapi_document(operations);
  const Json& content = document["paths"]["/api/v1/jobs/{job}/events"]["get"]["responses"]["200"]["content"];
  CHECK(content.contains("text/event-stream"));
  CHECK(content.contains("application/json"));
}

TEST_CASE(
    "A job's end is seen even where its news was lost, and a right that was taken away ends the stream") {
  EventsWorld world;
  Front front(world.options, world.topic);
  const auto lost = world.add({}), taken = world.add({});
  Reading reads_lost(front, "/jobs/" + lost.to_string() + "/events", token_of(admin)),
      reads_taken(front, "/jobs/" + taken.to_string() + "/events", token_of(admin));
  CHECK(reads_lost.next().event == "job");
  CHECK(reads_taken.next().event == "job");
  world.set_state(lost, "succeeded");
  front.world.clock.advance(16s);
  CHECK(reads_lost.next().data()["event"] == "succeeded");
  CHECK(reads_lost.next().event == "job");
  world.database.execute("DELETE FROM directory.members");
  world.tell(taken, "running");
  const auto event = reads_taken.next();
  CHECK(event.event == "bye");
  CHECK(event.data()["reason"] == "not_visible");
  CHECK(reads_taken.next().event.empty());
}

TEST_CASE("Who follows a job here hears of a request to stop, of which there is no news") {
  EventsWorld world;
  Front front(world.options, world.topic);
  const auto job = world.add({});
  Reading reading(front, "/jobs/" + job.to_string() + "/events", token_of(admin));
  CHECK(reading.next().data()["cancel_requested"] == false);
  CHECK(front.world
            .ask({.method = "POST",
                  .target = "/api/v1/jobs/" + job.to_string() + "/cancel",
                  .token = token_of(admin)})
            .status == 202);
  CHECK(reading.next().data()["event"] == "cancel_requested");
  CHECK(reading.next().data()["cancel_requested"] == true);
}

TEST_CASE("A caller has so many streams open and no more, until one of them ends") {
  EventsWorld world;
  Front front(world.options, world.topic, {}, {}, 2);
  const auto job = world.add({});
  const std::string of_job = "/jobs/" + job.to_string() + "/events";
  std::optional<Reading> first(std::in_place, front, "/events", token_of(admin));
  Reading second(front, of_job, token_of(admin));
  CHECK(first->next().event == "ready");
  CHECK(second.next().event == "job");
  for (const auto& path : {std::string("/events"), of_job}) {
    Reading third(front, path, token_of(admin));
    CHECK(third.status() == 429);
    CHECK(third.head.find("Retry-After: ") != std::string::npos);
    CHECK(Json::parse(third.rest())["code"] == "too_many_streams");
  }
  CHECK(Reading(front, "/events", token_of(member)).status() == 200);  // each has their own
  CHECK(front.world
            .ask({.target = "/api/v1" + of_job,
                  .token = token_of(admin),
                  .headers = {{"Accept", "application/json"}}})
            .status == 200);
  first.reset();
  int status = 0;
  while (status != 200)  // the server sees it go when it does
    status = Reading(front, "/events", token_of(admin)).status();
}
