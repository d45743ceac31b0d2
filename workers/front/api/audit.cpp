#include "common/log/log.h"
#include "workers/front/adapters/audit_store.h"
#include "workers/front/api/area.h"

#include <memory>

/// The audit trail: who changed what.
namespace rollcall::front {
namespace {

constexpr const char* tag = "audit";
/// So many events are read and sent at once; well below what a stream may hold.
constexpr long block = 200;

std::vector<QueryParameter> filters() {
  return {{.name = "organization", .type = ParameterType::uuid, .help = "Only events of this organization."},
          {.name = "run", .type = ParameterType::uuid, .help = "Only events of this run."},
          {.name = "action", .help = "Only events of this kind, such as member_added.", .text_max = 64},
          {.name = "actor", .help = "Only what this caller did: <tenant>/<object id>.", .text_max = 256},
          {.name = "member", .type = ParameterType::uuid, .help = "Only events about this object id."},
          {.name = "since", .type = ParameterType::time, .help = "Only events from then on."},
          {.name = "until", .type = ParameterType::time, .help = "Only events before then."}};
}

AuditFilter filter_of(const Call& call) {
  const auto& query = call.query;
  return {query.uuid("organization"), query.uuid("run"),   query.uuid("member"), query.text("action"),
          query.text("actor"),        query.time("since"), query.time("until")};
}

Response list(Parts& parts, const Call& call) {
  const auto name =
      list_name(call, "audit", {"organization", "run", "action", "actor", "member", "since", "until"});
  return page_answer(call, name,
                     list_audit(parts.database, sight_of(call), filter_of(call),
                                position_of(call, name, {ParameterType::time, ParameterType::uuid}),
                                limit_of(call), call.now));
}

/// An export on its way. Each block is read on the pool once the one before has left, so that it costs no
/// more memory than one block however slowly it is read.
struct Exporting : std::enable_shared_from_this<Exporting> {
  Exporting(Pool& of, AuditExport given, std::string id)
      : pool(of), source(std::move(given)), request_id(std::move(id)) {}

  Pool& pool;
  AuditExport source;
  std::string request_id, ready;

  /// The first block was read before the answer began, so that what fails at once is answered with a status.
  void begin(const http_server::EventStream& stream) { send(stream); }

  void send(const http_server::EventStream& stream) {
    if (ready.empty()) {
      ready = dump({{"complete", true}, {"events", source.events()}}) + '\n';
      if (stream.send(ready)) stream.close();
      return;
    }
    if (!stream.send(std::exchange(ready, {}))) return;
    stream.after_written([self = shared_from_this(), stream] {
      // Where no thread is to be had, the missing last line says that the export was broken off.
      if (!self->pool.submit([self, stream] { self->read(stream); })) stream.close();
    });
  }

  void read(const http_server::EventStream& stream) {
    try {
      ready = source.next(block);
    } catch (const std::exception& error) {
      auto fields = log::describe(error);
      fields["request_id"] = request_id;
      log::error("audit_export_failed", fields);
      return stream.close();
    }
    send(stream);
  }
};

Response export_lines(Parts& parts, const Call& call) {
  const auto exporting = std::make_shared<Exporting>(
      parts.pool, AuditExport(parts.database, sight_of(call), filter_of(call), call.now), call.request_id);
  exporting->ready = exporting->source.next(block);
  Response response{200,
                    {{"Content-Type", "application/x-ndjson"},
                     {"Content-Disposition", "attachment; filename=\"audit.jsonl\""}},
                    {}};
  response.stream = [exporting](const http_server::EventStream& stream) { exporting->begin(stream); };
  return response;
}

}  // namespace

Routes audit_routes(Parts& parts) {
  return {
      {{.method = "GET",
        .path = "/api/v1/audit",
        .id = "list_audit",
        .summary = "Who changed what, newest first: of the organizations that the caller administers; for "
                   "operators, of all of the tenant.",
        .query = paged(filters()),
        .answers = {{200, "AuditPage", "A page of events."}},
        .tag = tag},
       [&parts](const Call& call) { return list(parts, call); }},
      {{.method = "GET",
        .path = "/api/v1/audit/export",
        .id = "export_audit",
        .summary =
            "The same as JSON lines, oldest first. The last line is {\"complete\":true,\"events\":N}: where "
            "it is missing, the export was broken off.",
        .query = filters(),
        .answers = {{200, "", "One AuditEvent a line.", "application/x-ndjson"}},
        .tag = tag},
       [&parts](const Call& call) { return export_lines(parts, call); }},
  };
}

}  // namespace rollcall::front
