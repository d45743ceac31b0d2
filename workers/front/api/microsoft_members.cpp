#include "workers/front/adapters/member_changes.h"
#include "workers/front/api/microsoft.h"

#include <utility>

namespace rollcall::front {
namespace {

/// Graph's links are long.
constexpr std::size_t cursor_max = 7000;  // less than the server takes as a target
constexpr long page_default = 50;
constexpr long page_max = 200;

class Members {
 public:
  explicit Members(Parts& parts) : parts_(parts) {}

  Response list(const Call& call) {
    const Uuid group = linked_group(call);
    auto graph = graph_for(parts_, call);
    const std::string name = "members of " + group.to_string();
    const auto position = page_position(call, name);
    std::string path = members_path(group, call.query.integer("limit", page_default));
    if (!position.empty()) {
      auto page = members_page_path(group, position);
      if (!page)
        throw Refused({400,
                       "cursor_invalid",
                       "The cursor is not one that this list gave.",
                       {{"cursor", "is not ours"}}});
      path = std::move(*page);
    }
    const auto page = graph.members(group, path, !position.empty());
    if (!page) throw Refused(examine_absence(parts_, call, graph, group).refusal);
    Json items = Json::array();
    for (const auto& member : page->members)
      items.push_back(member_document(member));
    return page_answer(call, name, std::move(items), page->next);
  }

  Response add(const Call& call) {
    const Uuid group = linked_group(call);
    auto graph = graph_for(parts_, call);
    const std::string named = text_member(call.body, "member_id");
    const Uuid member =
        named.empty() ? graph.account_of(text_member(call.body, "email")) : *Uuid::parse(named);
    const auto [begun, changed] =
        carry_out(call, graph, group, member, true, [&] { return graph.add(group, member); });
    record(call, begun, group, {member, true, changed.outcome == MemberOutcome::done, changed.request_id});
    const bool already = changed.outcome == MemberOutcome::already;
    return json_answer(already ? 200 : 201, {{"id", member.to_string()}, {"already_member", already}});
  }

  Response remove(const Call& call) {
    const Uuid group = linked_group(call);
    const auto member = Uuid::parse(call.path.at("memberId"));
    if (!member)
      throw Refused(
          {400, "path_invalid", "The memberId in the path is no UUID.", {{"memberId", "is no UUID"}}});
    auto graph = graph_for(parts_, call);
    const auto [begun, changed] =
        carry_out(call, graph, group, *member, false, [&] { return graph.remove(group, *member); });
    const bool removed = changed.outcome == MemberOutcome::done;
    record(call, begun, group, {*member, false, removed, changed.request_id});
    if (!removed)
      throw Refused(
          {404, "not_a_member", "The account " + member->to_string() + " is not a member of the group."});
    return no_content();
  }

 private:
  struct Begun {
    Uuid id;
    MemberChanged changed;
  };
  /// Asks Graph, with the intention on record. Where the answer never came it stays there, and so it does
  /// where this process dies: then the audit trail learns that the outcome is unknown.
  template <class Change>
  Begun carry_out(const Call& call, MicrosoftGraph& graph, const Uuid& group, const Uuid& member,
                  bool present, Change change) {
    const Uuid id = begin_member_change(parts_.database, call.organization, group, member, present,
                                        call.caller.identity());
    try {
      Begun begun{id, change()};
      const auto outcome = begun.changed.outcome;
      if (outcome == MemberOutcome::group_missing)
        throw Refused(examine_absence(parts_, call, graph, group).refusal);
      if (outcome == MemberOutcome::absent)
        throw Refused({422,
                       "member_not_found",
                       "There is no account " + member.to_string() + " in the tenant.",
                       {{"/member_id", "names no account"}}});
      return begun;
    } catch (const Refused&) {
      drop_member_change(parts_.database, id);
      throw;
    } catch (const Error& error) {
      if (error.fault() != Fault::transient) drop_member_change(parts_.database, id);
      throw;
    }
  }

  void record(const Call& call, const Uuid& begun, const Uuid& group, const MemberChange& change) {
    auto stored = parts_.database.transact([&](postgres::Transaction& transaction) {
      return record_member_change(transaction, begun, call.organization, group, change, call.asker());
    });
    for (auto& one : stored)
      publish(parts_, std::move(one));
  }

  Parts& parts_;
};

}  // namespace

Routes microsoft_member_routes(Parts& parts) {
  auto members = std::make_shared<Members>(parts);
  auto list = microsoft_operation("GET", "group/members", "list_microsoft_members",
                                  "Who is in the linked group, a page at a time.");
  list.query = {
      {.name = "limit", .type = ParameterType::integer, .help = "Members a page.", .min = 1, .max = page_max},
      {.name = "cursor", .help = "From a nextLink.", .text_max = cursor_max}};
  list.answers = {{200, "MicrosoftMemberPage", "One page."}};
  auto add = microsoft_operation("POST", "group/members", "add_microsoft_member",
                                 "Add one member to the group, by object id or by address.");
  add.body = "MicrosoftAddMember";
  add.answers = {{201, "MicrosoftMemberAdded", "Added."},
                 {200, "MicrosoftMemberAdded", "Was a member already."}};
  auto remove = microsoft_operation("DELETE", "group/members/{memberId}", "remove_microsoft_member",
                                    "Remove one member from the group; the account stays as it is.");
  remove.answers = {{204, "", "Removed."}};
  return {{list, [members](const Call& call) { return members->list(call); }, {}},
          {add, [members](const Call& call) { return members->add(call); }, {}},
          {remove, [members](const Call& call) { return members->remove(call); }, {}}};
}

}  // namespace rollcall::front
