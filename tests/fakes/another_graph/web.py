"""HTTP/1.1 with kept-alive connections, and everything that can go wrong on the way back."""

import base64
import collections
import gzip
import http.server
import json
import re
import sys
import threading
import uuid
from urllib.parse import unquote

from answer import Answer, bad_request, error_body
from faults import unwell

TOKEN_PATH = re.compile(r"/([^/]+)/oauth2/v2\.0/token")
LISTING = re.compile(r"GET /groups/(delta|[^/?]+/members)")
GZIP_FROM = 200


class Service:
    """What the handlers of all connections share."""

    def __init__(self, graph, batch, entra, faults):
        self.graph, self.batch, self.entra, self.faults = graph, batch, entra, faults
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.requests = 0  # under a token, until one is revoked

    def count_part(self, method, url):
        self.counts["parts"] += 1
        self.counts[method + " " + re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "{id}", url.partition("?")[0])] += 1

    def token_problem(self, authorization):
        """None, or the 401. One token in its life is revoked early, with a claims challenge (CAE)."""
        kind, _, token = authorization.partition(" ")
        self.requests += 1
        revoked = self.faults.rates.get("revoke_after") == self.requests
        if revoked:
            self.entra.revoke(token)
            self.faults.count("revoked")
        if kind == "Bearer" and self.entra.knows(token):
            return None
        self.counts["unauthorized"] += 1
        claims = base64.b64encode(b'{"access_token":{"nbf":{"essential":true,"value":"1"}}}').decode()
        challenge = f'Bearer realm="", error="insufficient_claims", claims="{claims}"' if revoked else 'Bearer realm=""'
        return Answer(401, error_body("InvalidAuthenticationToken", "Access token has expired or is not yet valid."),
                      {"WWW-Authenticate": challenge})

    def graph_answer(self, method, url, body, authorization, request_id):
        """(answer, how it fares on the way back)"""
        with self.lock:
            self.counts["http"] += 1
            problem = self.token_problem(authorization)
            if problem:
                return problem, "whole"
            what = f"{method} {url}"
            rule = self.faults.rule_for(what)
            if rule and isinstance(rule["do"], int):
                return unwell(rule["do"]), "whole"
            key = what + body.decode(errors="replace")
            page = self.faults.strikes("page", "listing") if LISTING.match(what) else None
            dice = page or self.faults.strikes("request", key)
            if dice:
                status = 503 if page else dice.choice([429, 500, 502, 503, 504])
                ways = ["refuse", "cut", "break"] if page else ["refuse"]
                way = dice.choice(ways)
                if way == "refuse":
                    return self.faults.throttled(key) if status == 429 else unwell(status), "whole"
            answer = self.carry_out(method, url, body, request_id)
            if rule and "then" in rule:
                self.graph.directory.change_from_outside(rule["then"])
            return answer, way if page else rule["do"] if rule else self.way_back(key)

    def way_back(self, key):
        for name, way in (("cut_after", "lose"), ("cut_body", "cut"), ("broken_json", "break"),
                          ("silent_close", "close")):
            if self.faults.strikes(name, key):
                return way
        return "whole"

    def carry_out(self, method, url, body, request_id):
        data = None
        if body:
            try:
                data = json.loads(body)
            except ValueError:
                return bad_request("Unable to read JSON request payload.", "BadRequest").answer()
        if (method, url) == ("POST", "/$batch"):
            return self.batch.handle(data, request_id, self.count_part)
        self.count_part(method, url)
        return self.graph.handle(method, url, data, request_id)

    def control(self, method, path, body):
        directory = self.graph.directory
        with self.lock:
            match method, path.strip("/").split("/")[1:]:
                case "GET", ["members", group]:
                    return Answer(200, sorted(directory.group(group).members))
                case "GET", ["log"]:
                    return Answer(200, directory.log)
                case "GET", ["stats"]:
                    return Answer(200, {
                        "counts": self.counts, "faults": self.faults.struck, "tokens": self.entra.issued,
                        "users_deleted": directory.users_deleted, "resource_units": self.graph.quota.units_total,
                        "writes": self.graph.quota.writes_total})
                case "POST", ["faults"]:
                    given = json.loads(body)
                    self.faults.rates = given.get("rates", {})
                    self.faults.rules = given.get("rules", [])
                    return Answer(200, {})
                case "POST", ["change"]:
                    directory.change_from_outside(json.loads(body))
                    return Answer(200, {})
        return Answer(404, error_body("NotFound", "There is no such control."))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rbufsize = 1 << 16
    service: Service

    def setup(self):
        super().setup()
        self.service.counts["connections"] += 1

    def log_message(self, *_):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request_id = str(uuid.uuid4())
        if self.path.startswith("/control/"):
            return self.send(self.service.control(self.command, self.path, body), "whole", request_id)
        token = TOKEN_PATH.fullmatch(self.path)
        if token and self.command == "POST":
            with self.service.lock:
                given = self.service.entra.token(unquote(token[1]), body)
            return self.send(given, "whole", request_id)
        if not self.path.startswith("/v1.0/"):
            return self.send(Answer(404, error_body("ResourceNotFound", "Invalid version.")), "whole", request_id)
        given, way = self.service.graph_answer(self.command, self.path[len("/v1.0"):], body,
                                               self.headers.get("Authorization", ""), request_id)
        return self.send(given, way, request_id)

    do_GET = do_POST = do_PATCH = do_DELETE = answer

    def send(self, answer, way, request_id):
        if way == "lose":
            self.close_connection = True
            return
        headers = {"request-id": request_id, "client-request-id": self.headers.get("client-request-id", ""),
                   "Date": self.date_time_string()} | answer.headers
        body = b"" if answer.body is None else json.dumps(answer.body).encode()
        if body:
            headers["Content-Type"] = "application/json;odata.metadata=minimal;charset=utf-8"
        if way == "break":
            body = body[:len(body) * 2 // 3] or b"{"
        if len(body) >= GZIP_FROM and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
            self.service.counts["gzip"] += 1
        self.write(answer.status, headers, body, cut=way == "cut")
        self.close_connection = self.close_connection or way in ("cut", "close")

    def write(self, status, headers, body, cut):
        """In one piece, with a length or in chunks; names in odd case where faults are asked for."""
        dice = self.service.faults.dice("form", self.path) if self.service.faults.rates else None
        chunked = dice is not None and body and dice.random() < 0.3
        casing = dice.choice([str.lower, str.upper, str]) if dice else str
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
            middle = len(body) // 2
            pieces = [body[:middle], body[middle:]] if middle else [body]
            shown = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
            shown += b"" if cut else b"0\r\n\r\n"
        else:
            if status != 204:
                headers["Content-Length"] = str(len(body))
            shown = body
        if cut:
            shown = shown[:len(shown) // 2]
        lines = [f"HTTP/1.1 {status} {http.server.HTTPStatus(status).phrase}"]
        lines += [f"{casing(name)}: {value}" for name, value in headers.items()]
        self.wfile.write("\r\n".join(lines).encode() + b"\r\n\r\n" + shown)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that hangs up is no error; any other tells where."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)
