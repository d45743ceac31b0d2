#include "common/core/lower.h"
#include "ops/sandbox/graph/office_api.h"

#include <algorithm>
#include <array>
#include <sstream>

namespace rollcall::sandbox_graph {
namespace {

constexpr const char* type = "Microsoft.OutlookServices.Message";

Json address_json(const Address& address) {
  return {{"emailAddress", {{"name", address.name}, {"address", address.address}}}};
}

Json addresses_json(const std::vector<Address>& addresses) {
  Json list = Json::array();
  for (const auto& address : addresses)
    list.push_back(address_json(address));
  return list;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
  return out;
}

Json body_json(const Message& message, bool as_text) {
  if (as_text) return {{"contentType", "text"}, {"content", message.text}};
  const std::string html = message.html.empty() ? "<html><body><div class=\"PlainText\">" +
                                                      escaped(message.text) + "</div></body></html>"
                                                : message.html;
  return {{"contentType", "html"}, {"content", html}};
}

/// The first 255 characters.
std::string preview(const std::string& text) {
  std::size_t end = 0, characters = 0;
  while (end < text.size() && characters < 255) {
    ++end;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
      ++end;
    ++characters;
  }
  std::string out = text.substr(0, end);
  std::ranges::replace(out, '\n', ' ');
  return out;
}

std::string seconds(WallTime time) {
  return to_rfc3339(time).substr(0, 19) + "Z";
}

Json message_json(const Message& message, const Call& call, const Person& person) {
  Json out{{"@odata.etag", "W/\"CQAAABYAAAD" + message.id.substr(6, 8) + "\""},
           {"id", message.id},
           {"subject", message.subject},
           {"from", address_json(message.from)},
           {"sender", address_json(message.from)},
           {"toRecipients", addresses_json(message.to)},
           {"ccRecipients", addresses_json(message.cc)},
           {"receivedDateTime", seconds(message.received)},
           {"sentDateTime", seconds(message.received - std::chrono::seconds{3})},
           {"isRead", message.read},
           {"isDraft", false},
           {"hasAttachments", message.attachments},
           {"importance", message.important ? "high" : "normal"},
           {"conversationId", outlook_id("conversation/" + message.subject)},
           {"internetMessageId", "<" + message.id.substr(6, 20) + "@contoso.example>"},
           {"parentFolderId", outlook_id(person.user.id.to_string() + "/folder/" + message.folder)},
           {"webLink", "https://outlook.office365.com/owa/?ItemID=" + message.id},
           {"body", body_json(message, preference(call, "outlook.body-content-type") == "text")},
           {"bodyPreview", preview(message.text)}};
  // What Mail.ReadBasic does not show.
  if (!person.has("Mail.Read") && !person.has("Mail.ReadWrite"))
    for (const char* name : {"body", "bodyPreview"})
      out.erase(name);
  return out;
}

/// One condition of a $filter.
bool fulfils(const Message& message, const std::string& property, const std::string& op,
             const std::string& value) {
  if (property == "isRead") return message.read == (value == "true");
  if (property == "hasAttachments") return message.attachments == (value == "true");
  if (property == "importance") return (message.important ? "'high'" : "'normal'") == value;
  const auto time = parse_rfc3339(value).value_or(WallTime{});
  const WallTime received = message.received;
  return op == "ge"   ? received >= time
         : op == "gt" ? received > time
         : op == "le" ? received <= time
                      : received < time;
}

struct Condition {
  std::string property, op, value;
};

Result<std::vector<Condition>> conditions_of(const std::string& filter) {
  std::vector<Condition> all;
  std::istringstream words(filter);
  for (std::string joint = "and"; joint == "and";) {
    Condition one;
    if (!(words >> one.property >> one.op >> one.value)) break;
    const bool flag =
        one.property == "isRead" || one.property == "hasAttachments" || one.property == "importance";
    const bool time = one.property == "receivedDateTime";
    const bool compares = one.op == "ge" || one.op == "gt" || one.op == "le" || one.op == "lt";
    if ((flag && one.op != "eq") || (time && (!compares || !parse_rfc3339(one.value))) || (!flag && !time))
      return unexpected(Problem{"ErrorInvalidUrlQueryFilter", "The filter is not supported: " + filter});
    all.push_back(std::move(one));
    joint.clear();
    words >> joint;
  }
  return all;
}

/// Properties to order by must come first in the filter, in the same order (user-list-messages).
bool inefficient(const Call& call, const std::vector<Condition>& conditions) {
  const std::string order = call.option("$orderby");
  return !order.empty() && !conditions.empty() && !order.starts_with(conditions.front().property);
}

/// The words of a KQL text, phrases in one piece; a word may begin with "property:".
std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false;
  for (const char c : text + " ") {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ' ' && !quoted) {
      if (!word.empty()) words.push_back(lower(word));
      word.clear();
    } else {
      word += c;
    }
  }
  return words;
}

bool matches(const Message& message, const std::string& word) {
  const auto colon = word.find(':');
  const std::string property = colon == std::string::npos ? "" : word.substr(0, colon);
  const std::string value = colon == std::string::npos ? word : word.substr(colon + 1);
  const auto in = [&](const std::string& text) { return lower(text).find(value) != std::string::npos; };
  const std::string from = message.from.name + " " + message.from.address;
  std::string to;
  for (const auto& one : message.to)
    to += one.name + " " + one.address + " ";
  if (property == "from") return in(from);
  if (property == "to") return in(to);
  if (property == "participants") return in(from + " " + to);
  if (property == "subject") return in(message.subject);
  if (property == "body") return in(message.text);
  if (property == "hasattachments") return message.attachments == (value == "true");
  return in(from) || in(message.subject) || in(message.text);
}

/// The KQL text of $search, which stands in quotes; within them a quote has a backslash before it.
Result<std::string> search_text(const std::string& search) {
  if (search.size() < 2 || search.front() != '"' || search.back() != '"') {
    const auto bad = std::ranges::find_if(search, [](unsigned char c) { return std::isalnum(c) == 0; });
    if (bad == search.end() && !search.empty()) return search;  // a single word may go without
    return unexpected(
        Problem{"BadRequest", "Syntax error: character '" + std::string(1, bad == search.end() ? ' ' : *bad) +
                                  "' is not valid at position " + std::to_string(bad - search.begin()) +
                                  " in '" + search + "'."});
  }
  std::string text;
  for (std::size_t i = 1; i + 1 < search.size(); ++i) {
    if (search[i] == '\\' && i + 2 < search.size())
      ++i;
    else if (search[i] == '"')
      return unexpected(Problem{"BadRequest", "Syntax error: character '\"' is not valid at position " +
                                                  std::to_string(i) + " in '" + search + "'."});
    text += search[i];
  }
  return text;
}

Answer refuse(const Problem& problem) {
  return fail(400, problem.code, problem.message);
}

Answer list(State& state, const Call& call, const Person& person, const std::string& folder, WallTime now) {
  const bool searches = call.has("$search");
  if (searches && call.has("$filter"))
    return fail(400, "SearchWithFilter", "The query parameter '$filter' is not supported with '$search'.");
  if (searches && call.has("$orderby"))
    return fail(400, "SearchWithOrderBy", "The query parameter '$orderBy' is not supported with '$search'.");
  const auto conditions = conditions_of(call.option("$filter"));
  if (!conditions) return refuse(conditions.error());
  if (inefficient(call, *conditions))
    return fail(400, "InefficientFilter", "The restriction or sort order is too complex for this operation.");
  const auto kql = searches ? search_text(call.option("$search")) : Result<std::string>(std::string());
  if (!kql) return refuse(kql.error());
  const auto words = words_of(*kql);
  std::vector<Json> items;
  for (const Message& message : mailbox_of(state, person.user, now).messages) {
    const bool wanted =
        (folder.empty() || message.folder == folder) &&
        std::ranges::all_of(
            *conditions,
            [&](const Condition& one) { return fulfils(message, one.property, one.op, one.value); }) &&
        std::ranges::all_of(words, [&](const std::string& word) { return matches(message, word); });
    if (!wanted) continue;
    auto shown = selected(call, message_json(message, call, person), type);
    if (!shown) return refuse(shown.error());
    items.push_back(std::move(*shown));
  }
  if (call.option("$orderby") == "receivedDateTime asc" || call.option("$orderby") == "receivedDateTime")
    std::ranges::reverse(items);
  return page_of(state, call, std::move(items), 10);
}

}  // namespace

Answer list_messages(State& state, const Call& call, const Person& person, WallTime now) {
  return list(state, call, person, "", now);
}

Answer list_folder_messages(State& state, const Call& call, const Person& person, WallTime now) {
  for (const char* name : {"inbox", "sentitems", "drafts", "archive", "deleteditems", "junkemail"})
    if (lower(call.segments[2]) == name ||
        call.segments[2] == outlook_id(person.user.id.to_string() + "/folder/" + name))
      return list(state, call, person, name, now);
  return fail(400, "ErrorInvalidIdMalformed", "Id is malformed.");
}

Answer get_message(State& state, const Call& call, const Person& person, WallTime now) {
  const std::string& id = call.segments[2];
  if (!id.starts_with("AAMk")) return fail(400, "ErrorInvalidIdMalformed", "Id is malformed.");
  const auto& messages = mailbox_of(state, person.user, now).messages;
  const auto found = std::ranges::find(messages, id, &Message::id);
  if (found == messages.end())
    return fail(404, "ErrorItemNotFound", "The specified object was not found in the store.");
  auto shown = selected(call, message_json(*found, call, person), type);
  if (!shown) return refuse(shown.error());
  Answer answer{200, std::move(*shown), {}};
  if (preference(call, "outlook.body-content-type") == "text")
    answer.headers.emplace_back("Preference-Applied", "outlook.body-content-type=\"text\"");
  return answer;
}

}  // namespace rollcall::sandbox_graph
