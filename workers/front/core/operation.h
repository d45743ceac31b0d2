#pragma once
#include <chrono>
#include <string>
#include <vector>

/// What the front offers, as data: the router, the checks before a handler and the OpenAPI document are all
/// made from these tables.
namespace rollcall::front {

/// Who may call. A person's right to an organization comes from its roster; the app role Rollcall.Admin opens
/// every organization of the tenant.
enum class Access {
  anyone,               ///< no token is asked for
  signed_in,            ///< any valid token; the handler shows only what the caller may see
  organization_member,  ///< on the roster of the organization in the path, or Rollcall.Admin
  organization_admin,   ///< with an admin's role on that roster, or Rollcall.Admin
  operator_only,        ///< Rollcall.Admin
};

enum class ParameterType { text, integer, boolean, uuid, time, one_of };

struct QueryParameter {
  std::string name = {};
  ParameterType type = ParameterType::text;
  std::string help = {};
  std::vector<std::string> choices = {};  ///< of one_of
  long min = 0, max = 0;                  ///< of integer
  std::size_t text_max = 256;             ///< bytes, of text
  bool required = false;
};

/// One answer a caller must be ready for. What every operation may answer (400, 401, 403, 404, 429, 503 where
/// they apply) is added by the document and not listed.
struct AnswerShape {
  int status = 200;
  std::string schema = {};  ///< a component of schemas/openapi; empty: no body
  std::string help = {};
  std::string media_type = "application/json";
};

struct Operation {
  std::string method = {};  ///< upper case
  std::string path = {};    ///< "/api/v1/jobs/{job}": a parameter is one whole segment
  std::string id = {};      ///< operationId: letters, digits and '_'
  std::string summary = {};
  Access access = Access::signed_in;
  bool microsoft = false;  ///< answers 404 while MS_AUTH_ENABLED is false (seed: feature flag gating)
  std::vector<QueryParameter> query = {};
  std::string body = {};  ///< a component of schemas/openapi that the request's JSON must match; empty: none
  bool body_optional = false;
  std::vector<AnswerShape> answers = {};
  std::string tag = {};  ///< the chapter of the document
  std::size_t body_bytes_max = std::size_t{64} * 1024;
  /// 0: as long as it takes; else 503 by then.
  std::chrono::milliseconds answer_within{0};
  /// 0: each caller has a pace; else so many a second of this operation whoever calls, and four times that at
  /// once.
  double per_second = 0;
  /// For a person's browser: what is refused is a page too, and parameters that others add to the link are
  /// passed over.
  bool page = false;
};

}  // namespace rollcall::front
