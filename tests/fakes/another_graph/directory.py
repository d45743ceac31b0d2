"""Users, groups and memberships, with a log of every change. All under the lock of the caller."""

import time

from answer import Refused, bad_request, not_found

LINKS_MAX = 20


class Group:
    def __init__(self, seed):
        kind = seed.get("kind", "microsoft365")
        self.id = seed["id"].lower()
        self.forbids_guests = seed.get("forbids_guests", False)
        self.members = {one.lower() for one in seed.get("members", [])}
        self.properties = {
            "id": self.id,
            "displayName": seed.get("displayName"),
            "groupTypes": ["Unified"] if kind == "microsoft365" else [],
            "mailEnabled": kind == "microsoft365",
            "securityEnabled": kind == "security",
            "onPremisesSyncEnabled": None,
            "isAssignableToRole": None,
            "mailNickname": seed.get("mailNickname", "group"),
            "visibility": "Private",
        }


class Directory:
    def __init__(self, seed, lag_seconds=0.0):
        self.lag = lag_seconds
        self.users, self.groups, self.by_address = {}, {}, {}
        self.log = []  # {"at","op","group","member","by","request_id"}, oldest first
        self.users_deleted = []
        for user in seed.get("users", []):
            self.add_user(user)
        for group in seed.get("groups", []):
            self.groups[group["id"].lower()] = Group(group)

    def add_user(self, seed):
        user = {
            "businessPhones": [], "displayName": None, "givenName": None, "jobTitle": None, "mail": None,
            "mobilePhone": None, "officeLocation": None, "preferredLanguage": None, "surname": None,
            "userPrincipalName": seed.get("mail"), "accountEnabled": True, "userType": "Member",
            "otherMails": [], "proxyAddresses": [],
        }
        user.update(seed)
        user["id"] = seed["id"].lower()
        self.users[user["id"]] = user
        for name in ("id", "mail", "userPrincipalName", "otherMails", "proxyAddresses"):
            values = user[name] if isinstance(user[name], list) else [user[name]]
            for value in filter(None, values):
                self.by_address.setdefault((name, value.lower()), []).append(user["id"])

    def find_users(self, clauses):
        ids = {}
        for name, values in clauses:
            for value in values:
                ids.update(dict.fromkeys(self.by_address.get((name, value.lower()), [])))
        return [self.users[one] for one in ids if one in self.users]

    def group(self, group_id):
        found = self.groups.get(group_id.lower())
        if not found:
            raise not_found(group_id)
        return found

    def shown_log(self):
        """How many entries of the log a read shows: the newest are not replicated yet."""
        cutoff = time.monotonic() - self.lag
        shown = len(self.log)
        while shown and self.log[shown - 1]["at"] > cutoff:
            shown -= 1
        return shown

    def shown_members(self, group):
        members = set(group.members)
        for entry in reversed(self.log[self.shown_log():]):
            if entry["group"] == group.id:
                (members.discard if entry["op"] == "add" else members.add)(entry["member"])
        return members

    def record(self, op, group, member, by, request_id):
        (group.members.add if op == "add" else group.members.discard)(member)
        self.log.append({"at": time.monotonic(), "op": op, "group": group.id, "member": member, "by": by,
                         "request_id": request_id})

    def add_members(self, group, members, request_id):
        """All or nothing."""
        if not members:
            raise bad_request("The list of members to bind is empty.")
        if len(members) > LINKS_MAX:
            raise bad_request(f"A resource cannot contain more than {LINKS_MAX} link changes.")
        if len(set(members)) != len(members):
            raise bad_request("A resource reference was given more than once.")
        for member in members:
            if member not in self.users:
                raise not_found(member)
        if group.forbids_guests and any(self.users[one]["userType"] == "Guest" for one in members):
            raise Refused(403, "Authorization_RequestDenied",
                          "Guests users are not allowed to join this Unified Group due to policy setting.")
        if any(member in group.members for member in members):
            raise bad_request("One or more added object references already exist for the following modified "
                              "properties: 'members'.")
        for member in members:
            self.record("add", group, member, "app", request_id)

    def remove_member(self, group, member, as_404, request_id):
        """What is said of somebody who is no member is not documented: both forms were seen."""
        if member not in group.members:
            if as_404:
                raise not_found(member)
            raise bad_request("One or more removed object references do not exist for the following modified "
                              "properties: 'members'.")
        self.record("remove", group, member, "app", request_id)

    def delete_user(self, user_id):
        """What a removal without /$ref does to somebody whose app may manage users."""
        if user_id not in self.users:
            raise not_found(user_id)
        self.users_deleted.append(user_id)
        del self.users[user_id]
        for group in self.groups.values():
            group.members.discard(user_id)

    def change_from_outside(self, change):
        """Somebody else's hand: {"group","add":[…],"remove":[…]}."""
        group = self.group(change["group"])
        for op, present in (("add", False), ("remove", True)):
            for member in change.get(op, []):
                if (member in group.members) == present:
                    self.record(op, group, member, "outside", "outside")
