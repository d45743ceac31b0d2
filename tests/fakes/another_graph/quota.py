"""Graph's two quotas for one app in one tenant (throttling-limits, identity and access)."""

import collections
import time


class Window:
    def __init__(self, limit, seconds):
        self.limit, self.seconds = limit, seconds
        self.used = 0
        self.entries = collections.deque()

    def take(self, amount):
        """Seconds to wait (0: taken). What is refused counts as well."""
        now = time.monotonic()
        while self.entries and self.entries[0][0] <= now - self.seconds:
            self.used -= self.entries.popleft()[1]
        over = self.used + amount > self.limit
        self.entries.append((now, amount))
        self.used += amount
        return self.entries[0][0] + self.seconds - now if over else 0


class Quota:
    def __init__(self, units=3500, writes=3000):
        self.units, self.writes = Window(units, 10), Window(writes, 150)
        self.units_total = self.writes_total = 0

    def charge(self, method, path, options):
        """(units, seconds to wait, what is exceeded, share used)"""
        units, writes = cost(method, path, options)
        self.units_total += units
        self.writes_total += writes
        waits = {"ResourceUnitLimitExceeded": self.units.take(units)}
        if writes:
            waits["WriteLimitExceeded"] = self.writes.take(writes)
        limit, wait = max(waits.items(), key=lambda item: item[1])
        share = max(self.units.used / self.units.limit, self.writes.used / self.writes.limit)
        return units, wait, limit, share


def cost(method, path, options):
    if method != "GET":
        return 1, 1
    units = 1
    if len(path) >= 3 and path[0] == "groups" and path[2] == "members":
        units = 3
    if path == ["users"]:
        units = 2
    if "select" in options:
        units -= 1
    if options.get("top", "100").isdigit() and int(options.get("top", "100")) < 20:
        units -= 1
    if "expand" in options:
        units += 1
    return max(units, 1), 0
