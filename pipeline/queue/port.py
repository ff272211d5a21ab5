"""The event bus port: streams of messages, read by consumer groups, acknowledged one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

INCIDENTS = "skygrid:incidents"
"""Stream of incident events."""


def dead_letters(stream: str) -> str:
    """Stream that takes what consumers of `stream` gave up on."""
    return f"{stream}:dead"


@dataclass(frozen=True, slots=True)
class Message:
    """What is published: an id that makes a re-send the same message, and flat text fields."""

    message_id: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a consumer gets.

    Attributes:
        entry_id: Id in the stream; acknowledged with it.
        fields: The message's fields; empty when the entry was trimmed meanwhile.
        deliveries: How often it was delivered, this time included.
    """

    entry_id: str
    fields: Mapping[str, str]
    deliveries: int = 1


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group of a stream, and one consumer's name in it."""

    stream: str
    group: str
    consumer: str


class EventBus(Protocol):
    """Streams. Every call returns within the bus's timeout.

    All raise BusUnavailable when nothing was done or the answer was lost: doing it again is safe.
    """

    def incarnation(self) -> str:
        """A name that changes when the bus restarted and may have forgotten something."""
        ...

    def publish(self, stream: str, messages: Sequence[Message]) -> list[bool]:
        """Append in order; True where appended, False where the message id was there already."""
        ...

    def ensure_group(self, group: Group, *, from_start: bool = False) -> None:
        """Create stream and group if they are missing; a new group starts at the end, or at the
        start of what is kept."""
        ...

    def read(self, group: Group, *, count: int, block_s: float) -> list[Delivery]:
        """New messages for this consumer; waits up to `block_s` for the first."""
        ...

    def own_pending(self, group: Group, *, count: int) -> list[Delivery]:
        """Messages that this consumer took and never acknowledged, oldest first."""
        ...

    def claim_stale(self, group: Group, *, idle_s: float, count: int) -> list[Delivery]:
        """Take over messages that some consumer took and left for `idle_s`."""
        ...

    def ack(self, group: Group, entry_ids: Sequence[str]) -> None:
        """Done with these; doing it twice is harmless."""
        ...

    def bury(self, group: Group, delivery: Delivery, reason: str) -> None:
        """Move to the dead-letter stream with the reason, and acknowledge, in one step."""
        ...

    def close(self) -> None:
        """Release connections; idempotent."""
        ...
