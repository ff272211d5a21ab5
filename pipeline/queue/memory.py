"""The event bus in memory: the stub that stands in for Redis in unit tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Condition

from pipeline.queue.errors import BusMisused, BusUnavailable
from pipeline.queue.port import Delivery, Group, Message, dead_letters


@dataclass(slots=True)
class _Pending:
    consumer: str
    taken_s: float
    deliveries: int = 1


@dataclass(slots=True)
class _GroupState:
    next_entry: int
    pending: dict[int, _Pending] = field(default_factory=dict)


@dataclass(slots=True)
class _Stream:
    entries: list[dict[str, str]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    groups: dict[str, _GroupState] = field(default_factory=dict)


class MemoryBus:
    """`EventBus` in this process; `down` makes every call fail, `restart` changes incarnation."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.down = False
        self._monotonic = monotonic
        self._streams: dict[str, _Stream] = {}
        self._lives = 1
        self._changed = Condition()

    def restart(self, *, lose_last: int = 0) -> None:
        """Come back as a new incarnation that forgot the newest entries of every stream."""
        self._lives += 1
        for stream in self._streams.values() if lose_last else ():
            lost = stream.entries[-lose_last:]
            del stream.entries[-lose_last:]
            stream.ids -= {entry["id"] for entry in lost if "id" in entry}
            for group in stream.groups.values():
                group.next_entry = min(group.next_entry, len(stream.entries))
                group.pending = {n: p for n, p in group.pending.items() if n < len(stream.entries)}

    def entries(self, stream: str) -> list[dict[str, str]]:
        """All fields in the stream, oldest first."""
        return list(self._streams[stream].entries) if stream in self._streams else []

    def _stream(self, name: str) -> _Stream:
        if self.down:
            raise BusUnavailable("memory bus is down")
        return self._streams.setdefault(name, _Stream())

    def _state(self, group: Group) -> tuple[_Stream, _GroupState]:
        stream = self._stream(group.stream)
        if group.group not in stream.groups:
            raise BusMisused(f"group must exist, got {group.group} of {group.stream}")
        return stream, stream.groups[group.group]

    def incarnation(self) -> str:
        """See `EventBus.incarnation`."""
        if self.down:
            raise BusUnavailable("memory bus is down")
        return f"memory-{self._lives}"

    def publish(self, stream: str, messages: Sequence[Message]) -> list[bool]:
        """See `EventBus.publish`."""
        with self._changed:
            target, added = self._stream(stream), []
            for message in messages:
                added.append(message.message_id not in target.ids)
                if added[-1]:
                    target.ids.add(message.message_id)
                    target.entries.append(dict(message.fields))
            self._changed.notify_all()
        return added

    def ensure_group(self, group: Group, *, from_start: bool = False) -> None:
        """See `EventBus.ensure_group`."""
        stream = self._stream(group.stream)
        first = 0 if from_start else len(stream.entries)
        stream.groups.setdefault(group.group, _GroupState(first))

    def read(self, group: Group, *, count: int, block_s: float) -> list[Delivery]:
        """See `EventBus.read`."""
        with self._changed:
            stream, state = self._state(group)
            self._changed.wait_for(lambda: state.next_entry < len(stream.entries), timeout=block_s)
            numbers = list(range(state.next_entry, len(stream.entries)))[:count]
            for number in numbers:
                state.pending[number] = _Pending(group.consumer, self._monotonic())
            state.next_entry += len(numbers)
            return [_delivery(stream, state, number) for number in numbers]

    def own_pending(self, group: Group, *, count: int) -> list[Delivery]:
        """See `EventBus.own_pending`."""
        stream, state = self._state(group)
        mine = sorted(n for n, p in state.pending.items() if p.consumer == group.consumer)[:count]
        for number in mine:
            state.pending[number].deliveries += 1
            state.pending[number].taken_s = self._monotonic()
        return [_delivery(stream, state, number) for number in mine]

    def claim_stale(self, group: Group, *, idle_s: float, count: int) -> list[Delivery]:
        """See `EventBus.claim_stale`."""
        stream, state = self._state(group)
        now = self._monotonic()
        stale = sorted(n for n, p in state.pending.items() if now - p.taken_s >= idle_s)[:count]
        for number in stale:
            held = state.pending[number]
            state.pending[number] = _Pending(group.consumer, now, held.deliveries + 1)
        return [_delivery(stream, state, number) for number in stale]

    def ack(self, group: Group, entry_ids: Sequence[str]) -> None:
        """See `EventBus.ack`."""
        _, state = self._state(group)
        for entry_id in entry_ids:
            state.pending.pop(_number(entry_id), None)

    def bury(self, group: Group, delivery: Delivery, reason: str) -> None:
        """See `EventBus.bury`."""
        self._stream(dead_letters(group.stream)).entries.append(
            {
                **delivery.fields,
                "dead_reason": reason[:500],
                "dead_group": group.group,
                "dead_entry": delivery.entry_id,
                "dead_deliveries": str(delivery.deliveries),
            }
        )
        self.ack(group, [delivery.entry_id])

    def close(self) -> None:
        """See `EventBus.close`."""


def _number(entry_id: str) -> int:
    return int(entry_id.split("-")[0]) - 1


def _delivery(stream: _Stream, state: _GroupState, number: int) -> Delivery:
    taken = state.pending[number]
    return Delivery(f"{number + 1}-0", dict(stream.entries[number]), taken.deliveries)
