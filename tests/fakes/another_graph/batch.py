"""POST /$batch: up to 20 parts, each judged by itself, answered in any order (json-batching)."""

from answer import Answer, Refused, bad_request, error_body, not_found
from faults import unwell

PARTS_MAX = 20


def envelope(body):
    parts = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(parts, list) or not parts:
        raise bad_request("The batch holds no requests.", "BadRequest")
    if len(parts) > PARTS_MAX:
        raise bad_request(f"The batch holds more than {PARTS_MAX} requests.", "BadRequest")
    seen = set()
    for part in parts:
        if not isinstance(part, dict) or not isinstance(part.get("id"), str) or not part["id"]:
            raise bad_request("Each request needs an id, a string.", "BadRequest")
        if not isinstance(part.get("method"), str) or not isinstance(part.get("url"), str):
            raise bad_request("Each request needs method and url.", "BadRequest")
        if part["id"].lower() in seen:
            raise bad_request(f"The request id '{part['id']}' is not unique.", "BadRequest")
        depends = part.get("dependsOn", [])
        if not isinstance(depends, list) or any(str(one).lower() not in seen for one in depends):
            raise bad_request("dependsOn names a request that does not come before.", "BadRequest")
        seen.add(part["id"].lower())
    return parts


class Batch:
    def __init__(self, graph, faults):
        self.graph, self.faults = graph, faults

    def handle(self, body, request_id, count_part):
        try:
            parts = envelope(body)
        except Refused as refused:
            return refused.answer()
        patches = sum(part["method"] == "PATCH" for part in parts)
        dice = self.faults.dice("order", str([(one["method"], one["url"], one.get("body")) for one in parts]))
        answers, lost = {}, set()
        for part in self.execution_order(parts, dice):
            count_part(part["method"], part["url"])
            answer, is_lost = self.part(part, answers, patches, request_id)
            answers[part["id"]] = answer
            if is_lost:
                lost.add(part["id"])
        shown = [self.shown(key, answer, dice) for key, answer in answers.items() if key not in lost]
        if self.faults.rates:
            dice.shuffle(shown)
        return Answer(200, {"responses": shown})

    def execution_order(self, parts, dice):
        """No order is promised between parts that do not depend on each other."""
        if self.faults.rates and not any(part.get("dependsOn") for part in parts):
            return dice.sample(parts, len(parts))
        return parts

    def part(self, part, answers, patches, request_id):
        """(answer, whether nobody hears of it)"""
        method, url = part["method"], part["url"]
        if any(answers[one].status >= 400 for one in part.get("dependsOn", [])):
            return Answer(424, error_body("FailedDependency", "A request this one depends on failed.")), False
        if "://" in url or url.startswith("/v1.0/") or url.startswith("//"):
            return bad_request("The url of a request in a batch is relative.", "BadRequest").answer(), False
        names = {name.lower(): value for name, value in part.get("headers", {}).items()}
        if "body" in part and "json" not in names.get("content-type", ""):
            return bad_request("A request with a body needs a Content-Type header.", "BadRequest").answer(), False
        rule = self.faults.rule_for(f"{method} {url}")
        if rule and isinstance(rule["do"], int):
            return unwell(rule["do"]), False
        key = f"{method} {url} {part.get('body')}"
        before = self.refused_before(method, url, key, patches)
        if before:
            return before, False
        answer = self.graph.handle(method, url, part.get("body"), request_id)
        if rule and "then" in rule:
            self.graph.directory.change_from_outside(rule["then"])
        if rule and rule["do"] == "lose":
            return answer, True
        dice = self.faults.strikes("part_5xx", key)
        if dice:
            return unwell(dice.choice([500, 502, 504])), False
        return answer, bool(self.faults.strikes("part_lost", key))

    def refused_before(self, method, url, key, patches):
        """A failure of a part that was not carried out."""
        if self.faults.strikes("part_429", key):
            return self.faults.throttled(key)
        dice = self.faults.strikes("part_5xx", key + " before")
        if dice:
            return unwell(dice.choice([500, 502, 503, 504]))
        limit = self.faults.rates.get("patch_503_above", patches)
        if method == "PATCH" and patches > limit and self.faults.dice("overload", key).random() < 0.5:
            self.faults.count("patch_503")
            return unwell(503)
        if method != "GET" and self.faults.strikes("part_404", key):
            return not_found(url.split("/")[2]).answer()
        return None

    def shown(self, key, answer, dice):
        casing = dice.choice([str.lower, str.upper, str.title, str]) if self.faults.rates else str
        shown = {"id": key, "status": answer.status,
                 "headers": {casing(name): value for name, value in answer.headers.items()}}
        if answer.body is not None:
            shown["headers"][casing("Content-Type")] = "application/json"
            shown["body"] = answer.body
        return shown
