"""Entra's token endpoint for an app: secret or certificate (v2-oauth2-client-creds-grant-flow, certificate-credentials)."""

import base64
import datetime
import hashlib
import json
import os
import ssl
import subprocess
import tempfile
import time
import uuid
from urllib.parse import parse_qs

from answer import Answer

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME_MAX = 600  # of an assertion
SKEW = 60


def refusal(status, error, number, text):
    return Answer(status, {
        "error": error,
        "error_description": f"AADSTS{number}: {text}",
        "error_codes": [number],
        "timestamp": datetime.datetime.utcnow().strftime("%Y-%m-%d %H:%M:%SZ"),
        "trace_id": str(uuid.uuid4()),
        "correlation_id": str(uuid.uuid4()),
    })


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Entra:
    def __init__(self, app, faults, url, lifetime=3599):
        self.app, self.faults, self.url, self.lifetime = app, faults, url, lifetime
        self.tokens = {}  # token: when it ends
        self.assertions_seen = set()
        self.issued = {"secret": 0, "assertion": 0}

    def token(self, tenant, body):
        form = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
        if tenant != self.app["tenant"]:
            return refusal(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        if form.get("grant_type") != "client_credentials":
            return refusal(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        if form.get("client_id") != self.app["client_id"]:
            return refusal(400, "unauthorized_client", 700016, "Application was not found in the directory.")
        if form.get("scope") != self.url + "/.default":
            return refusal(400, "invalid_scope", 70011, f"The scope '{form.get('scope')}' is not valid.")
        if self.faults.take("token_5xx"):
            return refusal(503, "temporarily_unavailable", 90033, "A transient error has occurred.")
        if "client_assertion" in form:
            problem = self.assertion_problem(form, f"{self.url}/{tenant}/oauth2/v2.0/token")
            kind = "assertion"
        else:
            problem = None if self.app["secret"] and form.get("client_secret") == self.app["secret"] else "secret"
            kind = "secret"
        if problem:
            number = 7000215 if problem == "secret" else 700027
            return refusal(401, "invalid_client", number, f"The client is not who it says: {problem}.")
        self.issued[kind] += 1
        token = f"opaque-{uuid.uuid4().hex}"
        self.tokens[token] = time.monotonic() + self.lifetime
        return Answer(200, {"token_type": "Bearer", "expires_in": self.lifetime, "ext_expires_in": self.lifetime,
                            "access_token": token})

    def assertion_problem(self, form, audience):
        """None, or what is wrong with the assertion."""
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            return "client_assertion_type"
        if not self.app["certificate"]:
            return "no certificate is registered"
        try:
            signed, _, signature = form["client_assertion"].rpartition(".")
            header, claims = (json.loads(decoded(part)) for part in signed.split("."))
            signature = decoded(signature)
        except ValueError as error:
            return f"not a JWT: {error}"
        now = time.time()
        checks = {
            "alg": header.get("alg") == "PS256",
            "typ": header.get("typ") == "JWT",
            "x5t#S256": header.get("x5t#S256") == self.thumbprint(),
            "aud": claims.get("aud") == audience,
            "iss": claims.get("iss") == self.app["client_id"],
            "sub": claims.get("sub") == self.app["client_id"],
            "exp": isinstance(claims.get("exp"), int) and now < claims["exp"] <= now + LIFETIME_MAX + SKEW,
            "nbf": isinstance(claims.get("nbf"), int) and claims["nbf"] <= now + SKEW,
            "jti": bool(claims.get("jti")) and claims["jti"] not in self.assertions_seen,
        }
        wrong = [name for name, good in checks.items() if not good]
        if wrong:
            return ", ".join(wrong)
        if not self.signed_by_certificate(signed.encode(), signature):
            return "signature"
        self.assertions_seen.add(claims["jti"])
        return None

    def thumbprint(self):
        with open(self.app["certificate"], encoding="ascii") as file:
            text = file.read()
        begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
        pem = text[text.index(begin):text.index(end) + len(end)]
        return encoded(hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).digest())

    def signed_by_certificate(self, text, signature):
        """RSA-PSS with SHA-256 and a salt as long as the digest (RFC 7518 3.5), by the openssl program: Python's own
        library cannot."""
        with tempfile.TemporaryDirectory() as folder:
            key, file = os.path.join(folder, "key"), os.path.join(folder, "signature")
            with open(key, "wb") as out:
                subprocess.run(["openssl", "x509", "-in", self.app["certificate"], "-noout", "-pubkey"], stdout=out,
                               check=True)
            with open(file, "wb") as out:
                out.write(signature)
            verified = subprocess.run(
                ["openssl", "dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32",
                 "-verify", key, "-signature", file], input=text, capture_output=True, check=False)
            return verified.returncode == 0

    def knows(self, token):
        return self.tokens.get(token, 0) > time.monotonic()

    def revoke(self, token):
        self.tokens.pop(token, None)
