"""What goes wrong, decided by a seed. Each decision draws from the seed, the kind of fault, what is asked and how often
that was asked, never from the order in which threads come along: the same requests meet the same faults again."""

import collections
import datetime
import email.utils
import random
import re
import threading
import time

from answer import Answer, error_body

# Everything at once; each a share of what it may strike.
ALL = {
    "request": 0.08,      # a whole request is refused: 429, 500, 502, 503, 504; nothing was carried out
    "cut_after": 0.06,    # carried out, then the connection is cut without an answer
    "cut_body": 0.05,     # carried out, the answer breaks off
    "broken_json": 0.05,  # carried out, the answer is no JSON
    "silent_close": 0.1,  # the connection is closed after a whole answer, unannounced
    "page": 0.25,         # a page of a listing fails: 503, cut, broken
    "short_page": 0.3,    # a page holds fewer than asked
    "part_429": 0.12,
    "part_5xx": 0.06,     # carried out or not: the outcome is unknown
    "part_lost": 0.06,    # carried out, but its answer is missing
    "part_404": 0.03,     # a replica that does not know the group yet
    "delta_gone": 0.2,    # the delta link expired or must be reset
    "delta_odd": 0.4,     # an empty page, or one told twice
    "patch_503_above": 5,
    "revoke_after": 25,   # so many requests until the token in use is revoked, once, with a claims challenge
    "token_5xx": 1,       # so many first requests for a token fail
    "absent_retry_after": 1,  # so many 429 come without a Retry-After
}


class Faults:
    def __init__(self, seed, rates=None, rules=None):
        self.seed = seed
        self.rates = dict(rates or {})
        self.rules = [dict(rule) for rule in rules or []]
        self.asked = collections.Counter()
        self.struck = collections.Counter()
        self.lock = threading.Lock()

    def dice(self, name, key):
        with self.lock:
            self.asked[name, key] += 1
            nth = self.asked[name, key]
        return random.Random(f"{self.seed}|{name}|{key}|{nth}")

    def strikes(self, name, key):
        """A source of randomness where the fault strikes, else None."""
        rate = self.rates.get(name, 0)
        if not rate:
            return None
        dice = self.dice(name, key)
        if dice.random() >= rate:
            return None
        self.count(name)
        return dice

    def count(self, name):
        with self.lock:
            self.struck[name] += 1

    def take(self, name):
        """One of a number of faults to be had."""
        with self.lock:
            if self.rates.get(name, 0) < 1:
                return False
            self.rates[name] -= 1
            self.struck[name] += 1
            return True

    def rule_for(self, what):
        """{"match": expression for "METHOD /path?query", "do": status | "lose" | "break" | "cut" | "serve", "times": n,
        "then": change from outside once it was carried out}."""
        with self.lock:
            for rule in self.rules:
                if rule.get("times", 1) > 0 and re.search(rule["match"], what):
                    rule["times"] = rule.get("times", 1) - 1
                    self.struck["rule"] += 1
                    return rule
        return None

    def throttled(self, key):
        """429 with Retry-After in one of its forms, or without."""
        dice = self.dice("retry_after", key)
        form = "absent" if self.take("absent_retry_after") else dice.choice(["whole", "decimal", "date"])
        values = {"whole": "1", "decimal": "0.625", "date": http_date(1)}
        name = dice.choice(["Retry-After", "retry-after", "RETRY-AFTER", "Retry-after"])
        headers = {name: values[form]} if form in values else {}
        headers["X-MS-Throttle-Scope"] = "Tenant_Application/ReadWrite/app/tenant"
        self.count("retry_after_" + form)
        body = error_body("TooManyRequests", "Too many requests.", "429")
        return Answer(429, body, headers)


def http_date(seconds):
    at = datetime.datetime.fromtimestamp(time.time() + seconds, datetime.timezone.utc)
    return email.utils.format_datetime(at, usegmt=True)


def unwell(status):
    code = {429: "TooManyRequests", 503: "serviceNotAvailable"}.get(status, "generalException")
    return Answer(status, error_body(code, "The service is unwell."))
