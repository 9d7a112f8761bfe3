"""Who a caller is: access tokens, identity tokens, the keys that verify them, and the metadata server that gives both.

Tokens are given as Google gives them to a program: by the metadata server, for an assertion signed with a service
account's key, and for an authorised user's refresh token.
"""

import base64
import json
import secrets
import time
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, jwt

from rest import Answer, Refusal

ISSUER = "https://accounts.google.com"
LIFETIME = 3600
METADATA = "/computeMetadata/v1"
USER = {"client_id": "user.apps.example", "client_secret": "user-client-secret", "refresh_token": "user-refresh"}


class Key:
    """A pair of keys and its id."""

    def __init__(self):
        self.id = secrets.token_hex(20)
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.signer = crypt.RSASigner(self.private, self.id)

    def pem(self):
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    def public_pem(self):
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def jwk(self):
        """The public key as RFC 7517 has it."""
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.id,
            "n": base64url(numbers.n),
            "e": base64url(numbers.e),
        }


def base64url(number):
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Tokens:
    """What was given out, and the keys that it was signed with."""

    def __init__(self, double, project):
        self.double = double
        self.project = project
        self.email = f"oneiric@{project}.iam.gserviceaccount.com"
        # The last one signs; all of them are published.
        self.keys = [Key()]
        self.account = Key()
        self.access = {}
        double.route("GET", "/", lambda _: text("computeMetadata/\n"))
        account = METADATA + r"/instance/service-accounts/([^/]+)"
        double.route("GET", METADATA + "/project/project-id", self.metadata(lambda _: text(project)))
        double.route("GET", account + "/email", self.metadata(lambda _, name: text(self.named(name))))
        double.route("GET", account + "/token", self.metadata(lambda _, name: self.give_access(self.named(name))))
        double.route("GET", account + "/identity", self.metadata(self.give_identity))
        double.route("POST", "/token", self.exchange)
        double.route("GET", "/oauth2/v3/certs", self.certificates)
        double.route("GET", "/.well-known/openid-configuration", self.discovery)
        double.route("POST", "/control/keys", self.rotate)
        double.route("POST", "/control/tokens", lambda request: {"token": self.sign(request.json()["claims"])})
        double.route("POST", "/control/revoke", self.revoke)
        double.route("GET", "/control/service-account", self.account_file)
        double.route("GET", "/control/user", lambda _: USER | {"type": "authorized_user"})

    def metadata(self, handler):
        """Answers as the metadata server does: only who says that it means to ask gets an answer."""

        def answer(request, *arguments):
            if request.headers.get("Metadata-Flavor") != "Google" or request.headers.get("X-Forwarded-For"):
                return text("Missing Metadata-Flavor:Google header.", status=403)
            given = handler(request, *arguments)
            if not isinstance(given, Answer):
                given = Answer(json.dumps(given))
            given.headers["Metadata-Flavor"] = "Google"
            return given

        return answer

    def named(self, account):
        if account not in ("default", self.email):
            raise Refusal("NOT_FOUND", f"no service account {account}")
        return self.email

    def give_access(self, email):
        token = "ya29." + secrets.token_urlsafe(32)
        self.access[token] = (email, time.time() + LIFETIME)
        return {"access_token": token, "expires_in": LIFETIME, "token_type": "Bearer"}

    def give_identity(self, request, account):
        audience = request.query.get("audience")
        if not audience:
            return text("non-empty audience parameter required", status=400)
        return text(self.identity(self.named(account), audience))

    def identity(self, email, audience):
        """An identity token as Google signs it for one of its service accounts."""
        return self.sign({"aud": audience, "azp": email, "email": email, "email_verified": True, "sub": "1000000001"})

    def sign(self, claims):
        """A token with these claims; what they do not say is as Google says it."""
        now = int(time.time())
        claims = {"iss": ISSUER, "iat": now, "exp": now + LIFETIME} | claims
        return jwt.encode(self.keys[-1].signer, claims).decode()

    def check(self, request):
        """Refuses whoever has no access token of ours that is still good."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        _, expires = self.access.get(token, (None, 0))
        if scheme != "Bearer" or time.time() >= expires:
            raise Refusal("UNAUTHENTICATED", "Request had invalid authentication credentials.")

    def exchange(self, request):
        """The token endpoint: RFC 7523 for service accounts, RFC 6749 section 6 for users."""
        form = dict(parse_qsl(request.body.decode()))
        if form.get("grant_type") == "refresh_token":
            if any(form.get(name) != value for name, value in USER.items()):
                return oauth_error("invalid_grant")
            return self.give_access("user@example.com")
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return oauth_error("unsupported_grant_type")
        try:
            audience = f"http://{request.headers['host']}/token"
            claims = jwt.decode(form["assertion"], certs=self.account.public_pem(), audience=audience)
        except (KeyError, ValueError):
            return oauth_error("invalid_grant")
        if claims["iss"] != self.email or claims["exp"] - claims["iat"] > LIFETIME:
            return oauth_error("invalid_grant")
        if "target_audience" in claims:
            return {"id_token": self.identity(self.email, claims["target_audience"])}
        if not claims.get("scope"):
            return oauth_error("invalid_scope")
        return self.give_access(self.email)

    def certificates(self, _):
        keys = {"keys": [key.jwk() for key in self.keys]}
        return Answer(json.dumps(keys), headers={"Cache-Control": "public, max-age=20000"})

    def discovery(self, request):
        return {"issuer": ISSUER, "jwks_uri": f"http://{request.headers['host']}/oauth2/v3/certs"}

    def rotate(self, request):
        """Signs with a new key from now on, and with `forget` no longer publishes the ones before."""
        self.keys = [Key()] if request.json().get("forget") else [*self.keys, Key()]
        return {"kid": self.keys[-1].id}

    def revoke(self, _):
        """No access token that was given out is good any more."""
        self.access.clear()
        return {}

    def account_file(self, request):
        """The file that Google gives for a service account, with ourselves as its token endpoint."""
        return {
            "type": "service_account",
            "project_id": self.project,
            "private_key_id": self.account.id,
            "private_key": self.account.pem(),
            "client_email": self.email,
            "client_id": "1000000001",
            "token_uri": f"http://{request.headers['host']}/token",
        }


def text(body, status=200):
    return Answer(body, status=status, content_type="application/text")


def oauth_error(error):
    return Answer(json.dumps({"error": error}), status=400)
