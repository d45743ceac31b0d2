"""Microsoft Graph v1.0 as far as users, groups and memberships go."""

import re
import uuid
from urllib.parse import quote, unquote

import odata
import quota
from answer import Answer, Refused, bad_request, not_found

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
USER_DEFAULT = ["businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone",
                "officeLocation", "preferredLanguage", "surname", "userPrincipalName"]
USER_ALL = USER_DEFAULT + ["accountEnabled", "userType", "otherMails", "proxyAddresses"]
GROUP_ALL = ["id", "displayName", "groupTypes", "mailEnabled", "securityEnabled", "onPremisesSyncEnabled",
             "isAssignableToRole", "mailNickname", "visibility"]
DELTA_GROUPS_MAX = 50
DELTA_PAGE = 100
USER_TYPE = {"@odata.type": "#microsoft.graph.user"}


def guid(text):
    if not GUID.fullmatch(text):
        raise bad_request(f"Invalid object identifier '{text}'.")
    return text.lower()


class Graph:
    def __init__(self, directory, quotas, faults, url):
        self.directory, self.quota, self.faults = directory, quotas, faults
        self.root = url + "/v1.0"
        self.cursors = {}  # opaque tokens of pages and deltas

    def handle(self, method, url, body, request_id):
        """One request, alone or part of a batch; `url` is relative to the version. With what it cost."""
        path_text, _, query = url.partition("?")
        path = [unquote(one) for one in path_text.strip("/").split("/")]
        options = dict(pair.partition("=")[::2] for pair in query.replace("%24", "$").replace("$", "").split("&"))
        units, wait, limit, share = self.quota.charge(method, [one.lower() for one in path], options)
        if wait > 0:
            answer = self.faults.throttled("quota")
            self.faults.count(limit)
            answer.headers.update({"Retry-After": str(int(wait) + 1), "x-ms-throttle-information": limit})
        else:
            try:
                answer = self.route(method, path, query, body, request_id)
            except Refused as refused:
                answer = refused.answer()
        answer.headers.setdefault("x-ms-resource-unit", str(units))
        if share > 0.8:
            answer.headers.setdefault("x-ms-throttle-limit-percentage", f"{share:.2f}")
        return answer

    def route(self, method, path, query, body, request_id):
        match method, path:
            case "GET", ["users"]:
                return self.users(query)
            case "GET", ["users", key]:
                return self.user(key, query)
            case "GET", ["groups", "delta"]:
                return self.delta(query)
            case "GET", ["groups", key]:
                options = odata.query_options(query, {"select"})
                group = self.directory.group(guid(key))
                names = odata.selected(options, GROUP_ALL, GROUP_ALL, "group")
                return Answer(200, {"@odata.context": f"{self.root}/$metadata#groups/$entity"}
                              | {name: group.properties[name] for name in names})
            case "GET", ["groups", key, "members"]:
                return self.members(guid(key), query)
            case "PATCH", ["groups", key]:
                return self.bind(guid(key), body, request_id)
            case "POST", ["groups", key, "members", "$ref"]:
                group = self.directory.group(guid(key))
                self.directory.add_members(group, [self.reference(body, "@odata.id")], request_id)
                return Answer(204)
            case "DELETE", ["groups", key, "members", member, "$ref"]:
                as_404 = self.faults.dice("not_a_member", member).random() < 0.5
                self.directory.remove_member(self.directory.group(guid(key)), guid(member), as_404, request_id)
                return Answer(204)
            case "DELETE", ["groups", _, "members", member] | ["users", member]:
                self.directory.delete_user(guid(member))
                return Answer(204)
        raise bad_request(f"The request {method} is not supported on '/{'/'.join(path)}'.", "BadRequest")

    def reference(self, body, name):
        value = body.get(name) if isinstance(body, dict) else None
        return self.object_of(value)

    def object_of(self, link):
        if isinstance(link, str):
            for root in (self.root, "https://graph.microsoft.com/v1.0"):
                for kind in ("directoryObjects", "users"):
                    if link.startswith(f"{root}/{kind}/"):
                        return guid(link[len(f"{root}/{kind}/"):])
        raise bad_request(f"Invalid URL format specified in @odata.bind: '{link}'.")

    def bind(self, group_id, body, request_id):
        group = self.directory.group(group_id)
        if not isinstance(body, dict) or set(body) != {"members@odata.bind"}:
            raise bad_request("Only members@odata.bind can be changed here.")
        links = body["members@odata.bind"]
        if not isinstance(links, list):
            raise bad_request("An array is expected for members@odata.bind.")
        self.directory.add_members(group, [self.object_of(link) for link in links], request_id)
        return Answer(204)

    def shown_user(self, user, options):
        return {name: user[name] for name in odata.selected(options, USER_ALL, USER_DEFAULT, "user")}

    def users(self, query):
        options = odata.query_options(query, {"filter", "select", "top"})
        if "filter" not in options:
            raise bad_request("This tenant is not listed as a whole.", "Request_UnsupportedQuery")
        clauses = odata.parse_filter(options["filter"], ["id", "mail", "userPrincipalName"],
                                     ["otherMails", "proxyAddresses"])
        found = self.directory.find_users(clauses)
        if len(found) > odata.page_size(options):
            raise bad_request("More users than a page holds.", "Request_UnsupportedQuery")
        return Answer(200, {"@odata.context": f"{self.root}/$metadata#users",
                            "value": [self.shown_user(user, options) for user in found]})

    def user(self, key, query):
        options = odata.query_options(query, {"select"})
        name = "id" if GUID.fullmatch(key) else "userPrincipalName"
        found = self.directory.find_users([(name, [key])])
        if not found:
            raise not_found(key)
        return Answer(200, self.shown_user(found[0], options))

    def cursor(self, **state):
        token = uuid.uuid4().hex
        self.cursors[token] = state
        return token

    def members(self, group_id, query):
        options = odata.query_options(query, {"select", "top", "skiptoken"})
        group = self.directory.group(group_id)
        names = odata.selected(options, USER_ALL, USER_DEFAULT, "directoryObject")
        size, after = odata.page_size(options), ""
        if "skiptoken" in options:
            if options["skiptoken"] not in self.cursors:
                raise Refused(400, "Directory_ExpiredPageToken", "The specified page token value has expired.")
            after = self.cursors[options["skiptoken"]]["after"]
        rest = sorted(one for one in self.directory.shown_members(group) if one > after)
        short = self.faults.strikes("short_page", f"{group_id} {after}")
        if short:
            size = max(1, int(size * short.random() * 0.6))
        page = rest[:size]
        body = {"@odata.context": f"{self.root}/$metadata#directoryObjects(id)",
                "value": [USER_TYPE | {name: self.directory.users.get(one, {"id": one}).get(name) for name in names}
                          for one in page]}
        if len(rest) > size:
            token = self.cursor(after=page[-1])
            body["@odata.nextLink"] = (f"{self.root}/groups/{group_id}/members?$select={quote(','.join(names))}"
                                       f"&$top={odata.page_size(options)}&$skiptoken={token}")
        return Answer(200, body)

    def delta(self, query):
        options = odata.query_options(query, {"select", "filter", "deltatoken", "skiptoken"})
        token = options.get("skiptoken") or options.get("deltatoken")
        if token and token != "latest":
            return self.delta_page(token, "skiptoken" in options)
        clauses = odata.parse_filter(options.get("filter", ""), ["id"], [], DELTA_GROUPS_MAX)
        groups = [value.lower() for _, values in clauses for value in values]
        if token == "latest":
            return Answer(200, self.delta_end([], groups, self.directory.shown_log()))
        entries = [(group, "add", member) for group in groups if group in self.directory.groups
                   for member in sorted(self.directory.shown_members(self.directory.groups[group]))]
        return self.delta_part(entries, groups, self.directory.shown_log())

    def delta_end(self, value, groups, position):
        token = self.cursor(groups=groups, position=position)
        return {"@odata.context": f"{self.root}/$metadata#groups(members)", "value": value,
                "@odata.deltaLink": f"{self.root}/groups/delta?$deltatoken={token}"}

    def delta_page(self, token, inside):
        state = self.cursors.get(token)
        if state is None:
            raise Refused(400, "syncStateNotFound", "The sync state generation is not found.")
        if inside:
            return self.delta_part(state["entries"], state["groups"], state["position"])
        gone = self.faults.strikes("delta_gone", "delta")
        if gone and gone.random() < 0.5:
            raise Refused(400, "syncStateNotFound", "The sync state generation is not found.")
        if gone:
            raise Refused(410, "resyncRequired", "Resync is required.",
                          {"Location": f"{self.root}/groups/delta?$deltatoken="})
        shown = self.directory.shown_log()
        entries = [(one["group"], one["op"], one["member"]) for one in self.directory.log[state["position"]:shown]
                   if one["group"] in state["groups"]]
        return self.delta_part(entries, state["groups"], max(shown, state["position"]))

    def delta_part(self, entries, groups, position):
        """The next page. Odd ones are empty though more follows, or tell again what comes once more."""
        odd = self.faults.strikes("delta_odd", "page")
        told = 0 if odd and odd.random() < 0.5 else DELTA_PAGE
        value = {}
        for group, op, member in entries[:told]:
            change = USER_TYPE | {"id": member} | ({} if op == "add" else {"@removed": {"reason": "deleted"}})
            value.setdefault(group, {"id": group, "members@delta": []})["members@delta"].append(change)
        rest = entries[told // 2 if odd and len(entries) > told else told:]
        if not rest and not (odd and told == 0):
            return Answer(200, self.delta_end(list(value.values()), groups, position))
        token = self.cursor(entries=rest, groups=groups, position=position)
        return Answer(200, {"@odata.context": f"{self.root}/$metadata#groups(members)", "value": list(value.values()),
                            "@odata.nextLink": f"{self.root}/groups/delta?$skiptoken={token}"})
