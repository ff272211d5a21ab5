"""The password of a Redis address is shown nowhere, however odd the address is."""

from __future__ import annotations

import pytest

from pipeline.queue.errors import BusMisused
from pipeline.queue.redis_bus import RedisBus, redacted


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://patrol:s3cret@host:6379/0", "redis://host:6379/0"),
        ("redis://:s3cret/x@host:6379/0", "redis://host:6379/0"),
        ("redis://:s3cret#@host:6379/0", "redis://host:6379/0"),
        ("rediss://:s3@cret@host/1", "rediss://host/1"),
        ("redis://[s3cret@host", "redis://host"),
        ("unix:///run/redis.sock?password=s3cret", "unix:///run/redis.sock"),
        ("s3cret@host:6379", "an address without ://"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert redacted(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "redis://:s3cret/x@host:6379/0",
        "redis://:s3cret?@host:6379/0",
        "redis://[s3cret@host",
        ":s3cret@host:6379",
        "http://:s3cret@host",
    ],
)
def test_a_refused_address_keeps_its_password(url: str) -> None:
    with pytest.raises(BusMisused, match="must be redis://") as refused:
        RedisBus(url)
    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
