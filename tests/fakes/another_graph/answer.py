"""What a handler answers, and the shape of Graph's errors."""

import datetime
import uuid


class Answer:
    """Status, body (JSON data, or None) and headers, of a whole response or of one part of a batch."""

    def __init__(self, status, body=None, headers=None):
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


class Refused(Exception):
    """A request that Graph would not carry out."""

    def __init__(self, status, code, message, headers=None):
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers

    def answer(self):
        return Answer(self.status, error_body(self.code, self.message), self.headers)


def error_body(code, message, inner_code=None):
    inner = {
        "date": datetime.datetime.utcnow().strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": str(uuid.uuid4()),
        "client-request-id": str(uuid.uuid4()),
    }
    if inner_code:
        inner["code"] = inner_code
    return {"error": {"code": code, "message": message, "innerError": inner}}


def not_found(object_id):
    return Refused(
        404,
        "Request_ResourceNotFound",
        f"Resource '{object_id}' does not exist or one of its queried reference-property objects are not present.",
    )


def bad_request(message, code="Request_BadRequest"):
    return Refused(400, code, message)
