"""The OIDC issuer of the sandbox: it signs the tokens that the Orchestrator would, and STS checks them with its keys."""

import json
import time
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from errors import AwsError

#: Status, headers, and body.
Response = tuple[int, dict[str, str], bytes]

_INVALID = "InvalidIdentityToken"


class Issuer:
    """A signing key, and a second one that no issuer has published, for forged tokens."""

    def __init__(self) -> None:
        self._key = RSAKey.generate_key(2048, {"kid": "sandbox", "use": "sig"})
        self._unpublished = RSAKey.generate_key(2048, {"kid": "sandbox", "use": "sig"})

    def token(self, claims: dict[str, Any], lifetime: int, forged: bool) -> str:
        """A token with these claims (`iss`, `sub`, `aud`), valid for `lifetime` seconds from now (negative: expired)."""
        now = int(time.time())
        claims = {"iat": min(now, now + lifetime - 1), "exp": now + lifetime, **claims}
        key = self._unpublished if forged else self._key
        return jwt.encode({"alg": "RS256", "kid": "sandbox", "typ": "JWT"}, claims, key)

    def claims(self, token: str) -> dict[str, Any]:
        """Returns the claims of a token, which is not verified yet: STS reads the issuer first, to know whose keys to read."""
        try:
            return json.loads(jws.extract_compact(token.encode()).payload)
        except (JoseError, ValueError):
            raise AwsError(_INVALID, "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)") from None

    def document(self, host: str, path: str, fault: dict[str, Any]) -> Response:
        """Returns what the issuer publishes at a path, as the Orchestrator's data plane does, unless a fault replaces it:
        `status` and `location`, another `issuer`, other `keys`, a `jwks_uri`, or a `body` that is no JSON."""
        issuer = f"https://{host}"
        documents = {
            "/.well-known/openid-configuration": {
                "issuer": fault.get("issuer", issuer),
                "jwks_uri": fault.get("jwks_uri", f"{issuer}/.well-known/jwks"),
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
            },
            "/.well-known/jwks": {"keys": fault.get("keys", [{**self._key.as_dict(private=False), "alg": "RS256"}])},
        }
        document = documents.get(path)
        status = fault.get("status", 200) if document is not None else 404
        headers = {"Content-Type": "application/json"}
        if "location" in fault:
            headers["Location"] = fault["location"]
        if status != 200:
            return status, headers, b""
        return status, headers, fault.get("body", json.dumps(document)).encode()

    def verify(self, token: str) -> None:
        """Raises AwsError unless the token was signed by this issuer and has not expired."""
        try:
            claims = jwt.decode(token, self._key, algorithms=["RS256"]).claims
        except JoseError:
            raise AwsError(_INVALID, "Couldn't verify the signature of the identity token with your identity provider's keys") from None
        now = int(time.time())
        if claims.get("exp", 0) <= now:
            raise AwsError(
                "ExpiredTokenException",
                f"Token expired: current date/time {now} must be before the expiration date/time {claims.get('exp')}",
            )
