"""The query options and filters of Graph that a client of users and groups may send."""

import re
from urllib.parse import unquote_plus

from answer import bad_request

LITERAL = r"'(?:[^']|'')*'"
CLAUSE = re.compile(
    rf"\s*(?:(?P<property>\w+)\s+(?:eq\s+(?P<eq>{LITERAL})|in\s*\(\s*(?P<list>{LITERAL}(?:\s*,\s*{LITERAL})*)\s*\))"
    rf"|(?P<collection>\w+)/any\(\s*(?P<name>\w+)\s*:\s*(?P=name)\s+eq\s+(?P<any>{LITERAL})\s*\))\s*(?P<join>or\s|$)",
    re.IGNORECASE,
)
EXPRESSIONS_MAX = 15  # known-issues, query parameters
EQ_LENGTH_MAX = 120


def query_options(query, allowed):
    """Options by name without "$". One we do not know, or twice, is a 400."""
    options = {}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        name = unquote_plus(name).lstrip("$").lower()
        if name not in allowed:
            raise bad_request(f"The query option '${name}' is not supported here.", "Request_UnsupportedQuery")
        if name in options:
            raise bad_request(f"The query option '${name}' was given more than once.", "BadRequest")
        options[name] = unquote_plus(value)
    return options


def unquoted(literal):
    return literal[1:-1].replace("''", "'")


def parse_filter(text, properties, collections, expressions_max=EXPRESSIONS_MAX):
    """[(property, [value…])…], joined by "or". What Graph does not take is a 400, as is a clause with too much."""
    clauses, at, count, open_end = [], 0, 0, True
    while open_end:
        found = CLAUSE.match(text, at)
        if not found:
            raise bad_request(f"Invalid filter clause: syntax error at position {at} in '{text}'.", "BadRequest")
        values = [unquoted(one) for one in re.findall(LITERAL, found["list"] or found["eq"] or found["any"])]
        name = found["property"] or found["collection"]
        known = properties if found["property"] else collections
        matching = [one for one in known if one.lower() == name.lower()]
        if not matching:
            raise bad_request(f"Unsupported or invalid query filter clause specified for property '{name}'.",
                              "Request_UnsupportedQuery")
        if any(len(value) > EQ_LENGTH_MAX for value in values):
            raise bad_request(f"The value of '{name}' in the filter is too long.", "Request_UnsupportedQuery")
        clauses.append((matching[0], values))
        count += len(values)
        at, open_end = found.end(), bool(found["join"])
    if count > expressions_max:
        raise bad_request(
            f"Too many child clauses specified in search filter expression containing 'OR' operators: {count}. "
            f"Max allowed: {expressions_max}.", "Request_UnsupportedQuery")
    return clauses


def page_size(options, default=100, most=999):
    text = options.get("top", str(default))
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise bad_request(f"Invalid page size specified: '{text}'. Must be between 1 and {most} inclusive.")
    return int(text)


def selected(options, known, default, kind):
    names = [name.strip() for name in options["select"].split(",")] if "select" in options else list(default)
    exact = {one.lower(): one for one in known}
    for name in names:
        if name.lower() not in exact:
            raise bad_request(f"Could not find a property named '{name}' on type 'microsoft.graph.{kind}'.", "BadRequest")
    return [exact[name.lower()] for name in names]
