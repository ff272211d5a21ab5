"""The server's secret, and URLs that carry their own permission for a short time."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path


def load_secret(path: Path) -> bytes:
    """Read the signing secret; makes it (mode 0600) at the first start."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        secret = bytes.fromhex(path.read_text().strip())
        if len(secret) < 32:
            raise ValueError(
                f"{path.name} must hold at least 32 bytes, got {len(secret)}"
            ) from None
        return secret
    secret = secrets.token_bytes(32)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret.hex())
    return secret


class Signer:
    """HMAC-SHA256 over fields, one purpose per use so that no signature fits elsewhere."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, purpose: str, *fields: object) -> str:
        """Hex signature of the fields, in order."""
        message = "\x1f".join((purpose, *map(str, fields)))
        return hmac.digest(self._secret, message.encode(), "sha256").hex()

    def fits(self, signature: str, purpose: str, *fields: object) -> bool:
        """True when the signature is of these fields."""
        return hmac.compare_digest(signature.encode(), self.sign(purpose, *fields).encode())


def new_secret() -> str:
    """A fresh URL-safe secret of 256 bits, for sessions, tokens and one-time links."""
    return secrets.token_urlsafe(32)


def fingerprint(secret: str) -> str:
    """What is stored in place of a session's, token's or link's secret: its SHA-256.

    The secrets are 256 random bits, so a slow hash would add nothing.
    """
    return hashlib.sha256(secret.encode()).hexdigest()
