"""Takes credentials out of camera addresses before anyone can log them."""

import re

HIDDEN = "***"

# Query keys that vendors use for the channel and the profile; every other value is hidden, because
# tokens come under many names.
_SAFE_QUERY_KEYS = frozenset(
    {"channel", "subtype", "stream", "streamtype", "transportmode", "profile", "proto", "unicast"}
)
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://\S+")
_QUERY_VALUE = re.compile(r"(?<=[?&;])([^=&;#\s]+)=([^&;#\s]*)")
# Some cameras carry the account in the path: /user=admin_password=x_channel=1_stream=0.sdp
_PATH_SECRET = re.compile(
    r"(?<![a-zA-Z])(user|username|usr|password|passwd|pwd|pass|token|key|secret|auth)="
    r"(.*?)(?=_(?:channel|stream|user|password)=|[&/?#;\s]|$)",
    re.IGNORECASE,
)


def redact(url: str) -> str:
    """Return `url` without account, password or tokens; a file path comes back unchanged.

    A password may hold unescaped "@", "/" or "#", so everything up to the *last* "@" goes. That
    may hide too much of an odd address, never too little.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    if "@" in rest:
        rest = f"{HIDDEN}@{rest.rpartition('@')[2]}"
    rest = _PATH_SECRET.sub(rf"\1={HIDDEN}", rest)
    rest = _QUERY_VALUE.sub(_hide_unless_safe, rest)
    return f"{scheme}://{rest}"


def redact_text(text: str) -> str:
    """Return `text` with every address in it redacted; for messages of foreign libraries."""
    return _URL.sub(lambda match: redact(match.group(0)), text)


def _hide_unless_safe(match: re.Match[str]) -> str:
    key, value = match.groups()
    return f"{key}={value if key.lower() in _SAFE_QUERY_KEYS else HIDDEN}"
