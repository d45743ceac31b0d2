#pragma once
#include "common/runs/audit.h"
#include "workers/front/adapters/page.h"
#include "workers/front/adapters/sight.h"
#include "workers/front/api/routes.h"

#include <string>
#include <vector>

/// What several areas do in the same way.
namespace rollcall::front {

Sight sight_of(const Call& call);
runs::Asker asker_of(const Call& call);

/// The declarations of "limit" and "cursor", before those of the list itself.
std::vector<QueryParameter> paged(std::vector<QueryParameter> own = {});
long limit_of(const Call& call);
/// List, caller and filter, for the cursor: `names` are the query parameters that filter.
std::string list_name(const Call& call, const std::string& list, const std::vector<std::string>& names = {});

/// The position that "cursor" names, for that list; empty at the beginning. Its parts must be of these types:
/// a cursor is only text that came from outside. Throws Refused (400, cursor_invalid).
Position position_of(const Call& call, const std::string& list, const std::vector<ParameterType>& parts);
Response page_answer(const Call& call, const std::string& list, Page page);

/// A path parameter that must be a UUID. Throws Refused (400, path_invalid).
Uuid uuid_in_path(const Call& call, const std::string& name);
/// 400, path_invalid.
Refused path_mistake(const std::string& name, const std::string& what);
/// 400, schema_violation: what the schema of a body cannot say.
Refused body_mistake(const std::string& pointer, const std::string& what);

/// A member of the body that is text for people, without control characters. Throws Refused (400,
/// schema_violation).
std::string text_in_body(const Call& call, const std::string& name, const std::string& fallback = {});

void publish(Parts& parts, std::vector<runs::Stored> stored);

/// Asks for a run, which the same request sent again finds, and answers 202 with where its job is.
Response accept_job(Parts& parts, const Call& call, const runs::NewRun& run);

}  // namespace rollcall::front
