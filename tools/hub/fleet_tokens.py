"""The tokens of the fleet: JWTs signed with a key that is thrown away, and refresh tokens that are good once (RFC 7519, HS256)."""

import base64
import hashlib
import hmac
import json
import secrets
import time

from tools.hub import wire


def _packed(data) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unpacked(text) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Tokens:
    """`lifetime_s` of those made from now on, None: they say no end; it may be changed at any time."""

    def __init__(self, lifetime_s=3600):
        self.lifetime_s = lifetime_s
        self._key = secrets.token_bytes(32)
        self._refresh = {}  # refresh token → claims

    def _signature(self, text) -> str:
        return _packed(hmac.digest(self._key, text.encode(), hashlib.sha256))

    def make(self, account, device=None) -> str:
        """A JWT for a dashboard of the account, or for its device of that number."""
        claims = {"AccountId": account, "iat": int(time.time())}
        if device is not None:
            claims["DeviceId"] = device
        if self.lifetime_s is not None:
            claims["exp"] = int(time.time() + self.lifetime_s)
        text = ".".join(_packed(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
        return f"{text}.{self._signature(text)}"

    def claims(self, token):
        """What a JWT of ours claims; None when it is none, or over."""
        text, _, signature = token.rpartition(".")
        if not text.isascii() or not wire.is_secret(self._signature(text), signature):
            return None
        claims = json.loads(_unpacked(text.split(".")[1]))
        return claims if claims.get("exp", time.time() + 1) > time.time() else None

    def refresh_for(self, account, device) -> str:
        """A refresh token for that device; it is good once."""
        token = secrets.token_urlsafe(32)
        self._refresh[token] = account, device
        return token

    def refreshed(self, refresh):
        """An AuthResponse for a refresh token, which is used up with that; None for one that nobody knows."""
        known = self._refresh.pop(refresh, None)
        if known is None:
            return None
        return {
            "accessToken": self.make(*known),
            "refreshToken": self.refresh_for(*known),
            "expiresIn": self.lifetime_s,
        }

    def revoke(self):
        """No token made before is good any more."""
        self._key = secrets.token_bytes(32)
        self._refresh.clear()
