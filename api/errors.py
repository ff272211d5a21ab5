"""What the API refuses, as RFC 9457 problem documents.

ApiError
├── SignInRequired     401  nobody is signed in, or the session is over
├── Forbidden          403  signed in, but the role or the area does not allow it
├── CsrfRefused        403  an unsafe request without the session's token
├── NotFound           404  no such thing, or not in the caller's areas
├── Conflict           409  somebody else was faster; `extra` says who
├── Refused            422  understood, but not acceptable
└── TooMany            429  rate limit or lock-out; `retry_after_s` says how long

ExportError: an export that cannot be written; no request, the command says it.
"""

from __future__ import annotations

from collections.abc import Mapping


class ApiError(Exception):
    """Base of everything the API refuses on purpose."""

    status = 400
    title = "refused"

    def __init__(self, detail: str, extra: Mapping[str, object] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = dict(extra or {})


class SignInRequired(ApiError):
    """Nobody is signed in, or the session is over."""

    status = 401
    title = "sign in required"


class Forbidden(ApiError):
    """The role or the area does not allow it."""

    status = 403
    title = "forbidden"


class CsrfRefused(Forbidden):
    """An unsafe request came without the session's token."""

    title = "cross-site request refused"


class NotFound(ApiError):
    """There is no such thing in the caller's areas."""

    status = 404
    title = "not found"


class Conflict(ApiError):
    """Somebody else was faster."""

    status = 409
    title = "conflict"


class Refused(ApiError):
    """Understood, but not acceptable."""

    status = 422
    title = "unprocessable"


class TooMany(ApiError):
    """Rate limit or lock-out."""

    status = 429
    title = "too many requests"

    def __init__(self, detail: str, retry_after_s: float) -> None:
        super().__init__(detail, {"retry_after_s": round(retry_after_s, 1)})
        self.retry_after_s = retry_after_s


class ExportError(Exception):
    """An export cannot be written; the message says what must be different."""
