#include "common/core/reasons.h"

#include <algorithm>
#include <array>

namespace rollcall {
namespace {

constexpr auto reasons = std::to_array<Reason>({
    // messages
    {"json_malformed", "Send one JSON object in UTF-8."},
    {"json_too_deep", "Flatten the message."},
    {"json_too_large", "Send a smaller message."},
    {"json_member_twice", "Name each member of an object once."},
    {"schema_violation",
     "Correct the field that the message names; schemas/messages and /openapi.json have the schemas."},
    {"unknown_message_type", "Set the ce_type header to a type this topic carries, or leave it out."},
    // organizations and groups
    {"organization_not_found", "Check the id with 'rollcall org list'."},
    {"group_not_linked",
     "Link a group by POST …/microsoft/link-group, or with 'rollcall org link ORG GUID'."},
    {"group_not_found",
     "The group does not exist or was deleted: restore it within 30 days, or link another."},
    {"organization_ambiguous", "Name the one you mean by its id."},
    {"group_linked_elsewhere",
     "A group belongs to one organization: see 'rollcall org list', unlink it there, or choose another."},
    {"group_dynamic", "Membership follows a rule in Entra ID: remove the rule there, or link another group."},
    {"group_on_premises",
     "The group is mastered in the local Active Directory: change it there, or link another group."},
    {"group_mail_enabled_security",
     "Microsoft Graph cannot change mail-enabled security groups and distribution lists: link another "
     "group."},
    {"group_role_assignable",
     "Grant the app RoleManagement.ReadWrite.Directory and set ROLLCALL_ROLE_ASSIGNABLE_GROUPS=true, or link "
     "another group."},
    {"group_ownerless", "Make somebody an owner of the group in Microsoft 365."},
    {"no_group_to_relink", "Link a group with 'rollcall org link ORG GUID'."},
    // who is calling
    {"token_missing", "Send an access token of Entra ID: 'Authorization: Bearer TOKEN'."},
    {"token_invalid",
     "Sign in again and send the new access token; where that does not help, the log says what is wrong."},
    {"keys_not_available",
     "Try again in a minute. Where it stays: check MS_AUTH_AUTHORITY, MS_AUTH_TENANT_ID and the way out of "
     "this network."},
    // addresses
    {"address_ambiguous", "Several accounts carry this address: put the object id into the roster."},
    {"address_not_found",
     "No account carries this address: create or invite the person, or correct the roster."},
    // rosters
    {"roster_invalid", "Correct the places that the message names and import the file again."},
    {"roster_too_large", "Check that this is the roster's file."},
    // guards
    {"guard_removals", "Look at the plan with 'rollcall runs show', then approve or reject the run."},
    {"guard_empty_roster",
     "The roster is empty: import the roster, or approve the run if the group is really to be emptied."},
    {"guard_group_absence",
     "Check MS_AUTH_TENANT_ID, the app's permissions and Microsoft's service health. Where the groups are "
     "really gone, unlink them by hand, or raise ROLLCALL_GROUP_GONE_PERCENT."},
    {"plan_changed", "The drift changed since the approval: look at the new plan and approve it."},
    {"rejected", "Nothing was changed. Correct roster or policy and sync again."},
    // Microsoft Graph
    {"listing_incomplete", "Nothing was removed; the run is tried again."},
    {"member_not_found", "The account was deleted: correct the roster; it is resolved anew in the next run."},
    {"group_not_visible",
     "Nothing to do: one part of Microsoft Graph shows the group and another does not yet; the run is tried "
     "again by itself."},
    {"member_type_not_allowed", "Microsoft 365 groups take users only."},
    {"guests_not_allowed",
     "The group forbids guests: allow them in its settings, or take the guest off the roster."},
    {"graph_refused", "Microsoft Graph refused this change; its own message is beside this code."},
    {"graph_not_permitted",
     "Grant the app the application permission that the message names, GroupMember.ReadWrite.All where it "
     "names none, consent to it as an administrator, then try again."},
    {"graph_unavailable",
     "Check MS_GRAPH_URL, MS_AUTH_AUTHORITY and the way out of this network; runs are tried again by "
     "themselves."},
    {"graph_token_refused",
     "Check MS_AUTH_TENANT_ID, MS_AUTH_CLIENT_ID and MS_AUTH_SECRET or MS_AUTH_CERTIFICATE."},
    {"permissions_not_shown",
     "Nothing to do: look in Entra ID for which application permissions the app has been granted."},
    {"throttled",
     "Microsoft Graph asked for a pause: a run goes on by itself; a request is sent again after "
     "Retry-After."},
    {"hook_unreachable",
     "Let the internet reach ROLLCALL_PUBLIC_URL with /hooks/graph behind it, over TLS, and give the front "
     "the "
     "same ROLLCALL_GRAPH_CLIENT_STATE."},
    {"subscription_limit", "Delete subscriptions of the app or the tenant that nobody needs."},
    {"subscription_taken",
     "Delete the app's other subscription to groups, or give each installation an app registration of its "
     "own."},
    // runs and infrastructure
    {"debounced", "Nothing to do: the run begins by itself in a moment."},
    {"attempts_exhausted",
     "See the attempts with 'rollcall runs show RUN'; mend the cause, then 'rollcall runs retry RUN'."},
    {"run_not_found", "Find the run with 'rollcall runs list'."},
    {"not_waiting_for_approval",
     "Only a run in state needs_approval can be approved or rejected: see 'rollcall runs show RUN'."},
    {"run_finished", "A run that is over stays as it is: see 'rollcall runs show RUN'."},
    {"run_is_call",
     "Nothing to do: it is the record of a call. 'rollcall runs list' has what can be changed."},
    {"run_not_failed",
     "Only a failed or cancelled run is tried again: cancel an open one first, or sync again."},
    {"run_expired", "Mend what it waited for, then try it again with 'rollcall runs retry RUN'."},
    {"joined", "Nothing to do: an equal run does the work, and this one ends as that one does."},
    {"timeout", "See that the run's worker runs, and follow the run with 'rollcall runs watch RUN'."},
    {"run_ahead",
     "Another run of the organization is changing the group; this one goes on by itself after it."},
    {"tenant_not_configured",
     "Run the worker with the organization's tenant in MS_AUTH_TENANT_ID, or add the organization anew."},
    {"leadership_lost", "Another scheduler leads now; nothing to do."},
    {"claim_lost", "Another worker took the run over; nothing to do."},
    {"cancelled", "Someone asked for it; 'rollcall runs retry RUN' starts it anew."},
    {"database_unavailable", "Check DATABASE_URL and that PostgreSQL runs; work goes on when it is back."},
    {"database_refused", "PostgreSQL refused a statement: see the message; 'rollcall migrate' may be due."},
    {"database_conflict",
     "Someone changed the same thing at the same time: look again and repeat the command."},
    {"kafka_unavailable", "Check KAFKA_BROKERS and that Kafka runs; work goes on when it is back."},
    {"instance_fenced",
     "Give each process a ROLLCALL_INSTANCE_ID of its own; one that was replaced needs nothing."},
    {"kafka_consumer_failed", "The process ends, to be started anew; see the message and Kafka's log."},
    {"topic_not_found", "See 'rollcall topics list'; what is missing is made by 'rollcall topics create'."},
    {"dead_letter_not_found", "Find it with 'rollcall dead list'; Kafka lets dead letters go after 30 days."},
    {"dead_letter_unreadable",
     "Rollcall did not write it, or its headers were changed: see 'rollcall dead show ID'."},
    {"already_replayed", "Look for what became of it first; --force sends it once more."},
    {"topics_missing", "Run 'rollcall topics create'."},
    {"migrations_waiting", "Run 'rollcall migrate'."},
    {"migrations_newer", "Use the rollcall that belongs to the database."},
    {"migration_edited",
     "Restore the migration file as it was when it ran, and write a new one for the change."},
    {"migration_failed", "The migration was rolled back: mend it and run 'rollcall migrate' again."},
    // the command line
    {"usage", "See 'rollcall --help'."},
    {"file_not_found", "Check the name and that you may read it; - is standard input."},
    {"file_not_written", "Choose another file, or make the folder writable."},
    {"worker_unknown", "See 'rollcall workers list'."},
    {"schedule_not_found", "See 'rollcall schedules list'."},
    {"schedule_ended", "Add another schedule, or fire this one once with 'rollcall schedules trigger'."},
    {"schedule_unreadable", "Remove the schedule and add it anew: its expression or zone cannot be read."},
    {"schedule_exists", "Choose another name, or remove the schedule with 'rollcall schedules remove NAME'."},
    {"not_the_sandbox", "Point MS_GRAPH_URL at the sandbox."},
    {"sandbox_unreachable", "Check MS_GRAPH_URL and that the sandbox runs."},
    {"sandbox_failed", "See the sandbox's log."},
    // the front: every request
    {"route_not_found", "See /openapi.json for what there is."},
    {"method_not_allowed", "Use a method that the Allow header names."},
    {"microsoft_disabled", "Set MS_AUTH_ENABLED=true and the other MS_AUTH settings, and restart the front."},
    {"path_invalid", "Correct the part of the path that the message names."},
    {"query_invalid", "Correct or remove the parameter that the message names; see /openapi.json."},
    {"cursor_invalid", "Begin again without the cursor, or follow nextLink as it was given."},
    {"body_missing", "Send a JSON body with Content-Type: application/json."},
    {"body_too_large", "Send less, in several requests."},
    {"content_type_unsupported", "Send the body with Content-Type: application/json."},
    {"role_missing", "Ask an administrator of the organization, or of Entra ID for the app role."},
    {"scope_missing",
     "Sign in with the scope that the message names; an administrator may have to consent to it."},
    {"too_many_streams", "Close streams that nobody reads; /api/v1/events alone tells of all jobs."},
    {"too_many_requests", "Wait as long as Retry-After says."},
    {"busy", "Try again when Retry-After is over; where it stays, run more fronts."},
    {"idempotency_key_invalid", "Send a fresh UUID as the key."},
    {"idempotency_key_reused",
     "Send a fresh key for each new request, and the same one only for a repetition."},
    {"idempotency_in_progress", "Try again with the same key when Retry-After is over."},
    {"precondition_failed", "Read it again, look at what changed, and send the change with the new ETag."},
    {"request_too_slow", "Send the request faster, or in smaller parts."},
    {"target_too_long", "Shorten the URL."},
    {"headers_too_large", "Send fewer or shorter header fields."},
    {"request_malformed", "Send a request as RFC 9112 has it; a usual client does."},
    // the front: agents
    {"action_unknown",
     "Use query_advisor_findings, query_ops_runs, trigger_advisor_scan or acknowledge_finding."},
    {"caller_identity_mismatch", "Leave caller_identity out, or send the user principal name of the token."},
    {"call_interrupted", "Look at what it was to change, and let the agent ask again where that is missing."},
    // the front: jobs
    {"job_not_found", "List the jobs you may see with GET /api/v1/jobs."},
    // the front: microsoft
    {"group_deleted",
     "Restore it with 'rollcall org relink ORG', or in Microsoft 365, while that is possible; or link "
     "another."},
    {"group_gone", "Link another group, or create one."},
    {"group_already_linked", "Unlink that group first, where another is meant."},
    {"mail_nickname_taken", "Choose another mail_nickname, or leave it out to have one made."},
    {"owner_not_found", "Name object ids of people of the tenant as owners."},
    {"owners_missing", "Name 1 to 20 object ids of people as owners."},
    {"not_a_member", "List the members to see who is in the group."},
    // the front: organizations, rosters, findings
    {"roster_member_not_found", "Look for the person in the roster; PUT the same path adds them."},
    {"object_id_taken", "Correct the object id, or take it off the other person first."},
    {"finding_not_found", "Find it in /api/v1/findings."},
    {"finding_resolved", "Nothing to do: what it was about is mended."},
    // what people connected
    {"connection_scope_missing", "Ask the person to connect it again, with that permission."},
    {"mailbox_busy", "Ask again when Retry-After is over, and for less at once."},
    {"item_not_found", "Look for it again: it was moved or deleted, or its id is another connector's."},
    {"microsoft_denied", "Ask its owner, or an administrator of Microsoft 365, for access."},
    {"file_not_text", "Open it in a browser, or read another file."},
    {"file_is_folder", "List the folder, and read a file of it."},
    {"download_refused", "Check MS_GRAPH_URL; where that is right, tell an operator."},
    {"confirmation_missing",
     "Show the person what would be done, and ask again with confirmed=true once they agree."},
    {"event_outcome_unknown", "Look into the calendar before asking again."},
    {"not_connected", "Ask the person to connect it: POST /api/v1/connections makes the link."},
    {"reconnect_needed", "Ask the person to connect it again: POST /api/v1/connections makes the link."},
    {"grant_revoked", "The person's password was changed or their sessions were revoked: connect again."},
    {"grant_expired", "The sign-in lapsed, as it does when it is not used for 90 days: connect again."},
    {"grant_needs_sign_in", "A policy asks the person to sign in once more: connect again."},
    {"grant_needs_consent",
     "Consent is missing or was withdrawn: connect again, or have an administrator consent."},
    {"grant_refused", "Entra ID no longer takes the refresh token: connect again."},
    {"grant_token_refused",
     "Microsoft 365 refuses what the person granted, as after a change of policy or of the account: connect "
     "again."},
    {"grant_of_another_app",
     "Run with the MS_AUTH_CLIENT_ID that people connected to, or ask them to connect again."},
    {"account_disabled", "The account is disabled or deleted: nothing is to be done until it is back."},
    {"connector_unknown", "Run the newest version everywhere: a newer one knows this connector."},
    {"vault_keys_invalid", "Correct the keys as the message says: lines of id:base64, 32 bytes each."},
    {"vault_key_missing",
     "Add the key of that id to ROLLCALL_VAULT_KEYS again; rollcall vault keys shows which are needed."},
    {"vault_unreadable",
     "Give the id its true key in ROLLCALL_VAULT_KEYS; where it is lost, the person must connect again."},
    {"vault_not_configured", "Set ROLLCALL_VAULT_KEYS and ROLLCALL_PUBLIC_URL for the front."},
    {"person_required", "Call with a person's token, not with an application's."},
    {"connection_link_unknown", "Make a new link with POST /api/v1/connections."},
    {"connection_link_used", "Nothing to do: the connection was made. GET /api/v1/connections shows it."},
    {"connection_link_expired", "Make a new link with POST /api/v1/connections."},
    {"connection_session_missing", "Open the link again, in one browser that keeps cookies."},
    {"connection_state_mismatch", "Open the link again, and finish in the same window."},
    {"connection_identity_refused",
     "Open the link again; where it stays, check MS_AUTH_CLIENT_ID and MS_AUTH_TENANT_ID."},
    {"connection_wrong_account", "Open the link again and sign in as the person it was made for."},
    {"connection_incomplete", "Open the link again and accept all that is asked for."},
    {"connection_answer_malformed", "Open the link again."},
    // the front: MCP
    {"resource_unknown", "Read a resource that resources/list names, or fill in one of the templates."},
    {"tool_unknown", "Call a tool that tools/list names, with arguments as it says."},
    {"origin_not_allowed", "Name the page's origin in ROLLCALL_HTTP_ORIGINS, if it is yours."},
    // any of them
    {"setting_invalid", "Correct the setting that the message names; --help lists all of them."},
    {"internal", "This is a defect of Rollcall: please report it with the log."},
});

}  // namespace

std::span<const Reason> all_reasons() {
  return reasons;
}

std::string_view cure_for(std::string_view code) {
  const auto found = std::ranges::find(reasons, code, &Reason::code);
  return found == reasons.end() ? std::string_view{} : found->cure;
}

}  // namespace rollcall
