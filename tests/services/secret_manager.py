"""Secret Manager v1, as far as a program reads from it: `projects.secrets.versions.access`."""

from google.cloud import secretmanager_v1 as api

from rest import Refusal, to_json

NAME = r"(projects/[^/]+/secrets/[A-Za-z0-9_-]{1,255})"


class SecretManager:
    """Secrets with versions, counted from 1."""

    def __init__(self, double, tokens):
        self.tokens = tokens
        self.versions = {}
        self.denied = set()
        double.route("GET", f"/v1/{NAME}/versions/([^/:]+):access", self.access)
        double.route("GET", f"/v1/{NAME}", self.get)
        double.route("POST", f"/control/{NAME}", self.change)

    def change(self, request, name):
        """Adds the version `value`, gives an old version a `state`, or denies the whole secret."""
        change = request.json()
        versions = self.versions.setdefault(name, [])
        if "value" in change:
            versions.append({"data": change["value"].encode(), "state": "ENABLED"})
        if "state" in change:
            versions[change["version"] - 1]["state"] = change["state"]
        if "denied" in change:
            (self.denied.add if change["denied"] else self.denied.discard)(name)
        return {"version": len(versions)}

    def find(self, request, name):
        self.tokens.check(request)
        if name in self.denied:
            raise Refusal("PERMISSION_DENIED", f"Permission 'secretmanager.versions.access' denied for {name}")
        if name not in self.versions:
            raise Refusal("NOT_FOUND", f"Secret [{name}] not found or has no versions.")
        return self.versions[name]

    def get(self, request, name):
        self.find(request, name)
        return to_json(api.Secret.pb(api.Secret(name=name)))

    def access(self, request, name, version):
        versions = self.find(request, name)
        if version == "latest":
            number = len(versions)
        elif version.isdecimal() and version[0] != "0":
            number = int(version)
        else:
            raise Refusal("INVALID_ARGUMENT", f"`{version}` is neither a number nor `latest`")
        if not 1 <= number <= len(versions):
            raise Refusal("NOT_FOUND", f"Secret Version [{name}/versions/{version}] not found.")
        held = versions[number - 1]
        if held["state"] != "ENABLED":
            raise Refusal("FAILED_PRECONDITION", f"Secret Version [{name}/versions/{number}] is in {held['state']} state.")
        payload = api.SecretPayload(data=held["data"], data_crc32c=crc32c(held["data"]))
        response = api.AccessSecretVersionResponse(name=f"{name}/versions/{number}", payload=payload)
        return to_json(api.AccessSecretVersionResponse.pb(response))


def crc32c(data):
    """Castagnoli's checksum, bit by bit (RFC 3720, appendix B.4)."""
    checksum = 0xFFFFFFFF
    for byte in data:
        checksum ^= byte
        for _ in range(8):
            checksum = checksum >> 1 ^ (0x82F63B78 if checksum & 1 else 0)
    return checksum ^ 0xFFFFFFFF
