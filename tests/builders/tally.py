"""Counts what is in the stream against what must be: none lost, none doubled."""

from __future__ import annotations

import json
from collections import Counter, defaultdict

import redis

from pipeline.queue.port import INCIDENTS


def entries(url: str, stream: str = INCIDENTS) -> list[dict[str, str]]:
    """All fields of all entries, oldest first."""
    client = redis.Redis.from_url(url, decode_responses=True, socket_timeout=10)
    try:
        return [fields for _, fields in client.xrange(stream)]
    finally:
        client.close()


def stories(found: list[dict[str, str]]) -> dict[str, list[str]]:
    """The phases of each incident, in the stream's order."""
    told: dict[str, list[str]] = defaultdict(list)
    for fields in found:
        told[fields["incident_id"]].append(fields["phase"])
    return dict(told)


def assert_whole(url: str, incidents: int, phases: list[str]) -> None:
    """Every incident told its whole story once, in order, with unbroken sequence numbers."""
    found = entries(url)
    doubled = [key for key, n in Counter(f["id"] for f in found).items() if n > 1]
    assert not doubled, f"{len(doubled)} events doubled"
    told = stories(found)
    assert len(told) == incidents, f"{len(told)} of {incidents} incidents"
    wrong = {key: story for key, story in told.items() if story != phases}
    assert not wrong, f"{len(wrong)} incidents told otherwise: {list(wrong.values())[:3]}"
    numbers: dict[str, list[int]] = defaultdict(list)
    for fields in found:
        numbers[fields["incident_id"]].append(int(json.loads(fields["event"])["sequence"]))
    assert all(n == list(range(1, len(phases) + 1)) for n in numbers.values())
