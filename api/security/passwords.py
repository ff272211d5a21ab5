"""Passwords as argon2id hashes, and what a new one must look like."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from api.errors import Refused

MIN_LENGTH = 10
"""NIST SP 800-63B asks for 8; 10 costs nobody anything and needs no character classes."""


class Passwords:
    """Hashes and checks passwords (argon2id, RFC 9106's low-memory parameters by default)."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._decoy = self._hasher.hash("nobody has this password")

    def hash(self, password: str, username: str) -> str:
        """Hash a new password; raises Refused when it is too weak."""
        if len(password) < MIN_LENGTH:
            raise Refused(f"password must be at least {MIN_LENGTH} characters, got {len(password)}")
        if len(password) > 200:
            raise Refused(f"password must be at most 200 characters, got {len(password)}")
        if len(set(password)) < 5 or username.casefold() in password.casefold():
            raise Refused("password must not be one repeated pattern nor hold the user name")
        return self._hasher.hash(password)

    def verify(self, stored: str | None, password: str) -> bool:
        """True when it fits. An unknown user costs the same time as a known one."""
        try:
            self._hasher.verify(stored or self._decoy, password)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None
