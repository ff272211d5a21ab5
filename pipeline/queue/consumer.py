"""A consumer of incident events: at least once from the bus, once to the handler."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Event
from time import monotonic
from typing import Protocol

import structlog

from pipeline.events.message import EventError, IncidentEvent, parse_event
from pipeline.queue.errors import BusError, BusMisused
from pipeline.queue.port import Delivery, EventBus, Group

_log = structlog.get_logger(__name__)

EventKey = tuple[str, str]
"""(source, id): two events with one key are one event (CloudEvents 1.0)."""


class SeenEvents(Protocol):
    """Remembers what was handled; lives where the handler's own results live."""

    def has(self, key: EventKey) -> bool:
        """Whether the event was handled."""
        ...

    def add(self, key: EventKey) -> None:
        """Remember that it was handled; durable when this returns."""
        ...


class RecentEvents:
    """`SeenEvents` in memory: the newest `capacity` keys."""

    def __init__(self, capacity: int = 100_000) -> None:
        self._capacity = capacity
        self._keys: OrderedDict[EventKey, None] = OrderedDict()

    def has(self, key: EventKey) -> bool:
        """See `SeenEvents.has`."""
        return key in self._keys

    def add(self, key: EventKey) -> None:
        """See `SeenEvents.add`."""
        self._keys[key] = None
        if len(self._keys) > self._capacity:
            self._keys.popitem(last=False)


@dataclass(frozen=True, slots=True)
class ConsumerConfig:
    """How a consumer reads.

    Attributes:
        batch: Most messages per read.
        block_s: How long a read waits for the first message.
        stale_s: After this long without acknowledgement a message is taken over and tried again.
        max_deliveries: After this many deliveries a message goes to the dead letters.
        backoff_s: First pause after the bus failed; doubles up to `max_backoff_s`, with jitter.
        max_backoff_s: Longest pause.
        from_start: A new group begins with what the stream still holds.
    """

    batch: int = 50
    block_s: float = 2.0
    stale_s: float = 30.0
    max_deliveries: int = 5
    backoff_s: float = 0.5
    max_backoff_s: float = 15.0
    from_start: bool = False


@dataclass(frozen=True, slots=True)
class ConsumerStatus:
    """What a consumer did so far.

    Attributes:
        handled: Events that the handler took.
        duplicates: Events that it had taken before.
        failed: Times that the handler raised.
        dead: Messages moved to the dead letters.
    """

    handled: int = 0
    duplicates: int = 0
    failed: int = 0
    dead: int = 0


class Consumer:
    """Reads a group's messages, hands each event over once, acknowledges after that.

    Args:
        bus: The event bus.
        group: Stream, group and this consumer's name, unique in the group.
        handle: Takes an event and commits its own results before it returns; raising leaves
            the event to be delivered again.
        seen: What was handled; the same for all consumers of the group to be of full use.
        config: Bounds.
    """

    def __init__(
        self,
        bus: EventBus,
        group: Group,
        handle: Callable[[IncidentEvent], None],
        seen: SeenEvents | None = None,
        config: ConsumerConfig | None = None,
    ) -> None:
        self._bus, self.group, self._handle = bus, group, handle
        self._seen = seen or RecentEvents()
        self.config = config or ConsumerConfig()
        self.status = ConsumerStatus()
        self._started = False
        self._claimed_s = -1e9

    def run_once(self, *, block_s: float | None = None) -> int:
        """One round: own leftovers, other consumers' stale ones, new ones; returns how many
        messages were looked at. Raises BusError; calling again continues."""
        if not self._started:
            self._bus.ensure_group(self.group, from_start=self.config.from_start)
            count = self._take(self._bus.own_pending(self.group, count=self.config.batch))
            self._started = count < self.config.batch
            if count:
                return count
        if monotonic() - self._claimed_s >= self.config.stale_s / 2:
            stale = self._bus.claim_stale(
                self.group, idle_s=self.config.stale_s, count=self.config.batch
            )
            if len(stale) < self.config.batch:
                self._claimed_s = monotonic()
            if stale:
                return self._take(stale)
        wait = self.config.block_s if block_s is None else block_s
        return self._take(self._bus.read(self.group, count=self.config.batch, block_s=wait))

    def _take(self, deliveries: Sequence[Delivery]) -> int:
        for delivery in deliveries:
            self._take_one(delivery)
        return len(deliveries)

    def _take_one(self, delivery: Delivery) -> None:
        try:
            event = parse_event(delivery.fields)
        except EventError as error:
            self._bury(delivery, str(error))
            return
        key = (event.source, event.id)
        if self._seen.has(key):
            self._count(duplicates=1)
        else:
            try:
                self._handle(event)
            except Exception as error:  # the handler is the caller's; its failure is a delivery
                self._failed(delivery, error)
                return
            self._seen.add(key)
            self._count(handled=1)
        self._bus.ack(self.group, [delivery.entry_id])

    def _failed(self, delivery: Delivery, error: Exception) -> None:
        self._count(failed=1)
        _log.warning(
            "event_failed",
            entry=delivery.entry_id,
            deliveries=delivery.deliveries,
            reason=f"{type(error).__name__}: {error}",
        )
        if delivery.deliveries >= self.config.max_deliveries:
            self._bury(delivery, f"{type(error).__name__}: {error}")

    def _bury(self, delivery: Delivery, reason: str) -> None:
        self._bus.bury(self.group, delivery, reason)
        self._count(dead=1)
        _log.error("event_dead", entry=delivery.entry_id, reason=reason)

    def _count(
        self, *, handled: int = 0, duplicates: int = 0, failed: int = 0, dead: int = 0
    ) -> None:
        was = self.status
        self.status = replace(
            was,
            handled=was.handled + handled,
            duplicates=was.duplicates + duplicates,
            failed=was.failed + failed,
            dead=was.dead + dead,
        )

    def run(self, stop: Event) -> None:
        """Consume until `stop` is set, through any outage of the bus."""
        failures, rng = 0, random.Random()
        while not stop.is_set():
            try:
                self.run_once()
                if failures:
                    _log.info("consumer_up", group=self.group.group)
                failures = 0
            except BusError as error:
                if not failures:
                    _log.warning("consumer_down", group=self.group.group, reason=str(error))
                failures += 1
                self._again(error)
                pause = self.config.backoff_s * 2.0 ** min(failures - 1, 16)
                stop.wait(min(self.config.max_backoff_s, pause) * rng.uniform(0.5, 1.0))

    def _again(self, error: BusError) -> None:
        """Start over: look for leftovers; a group that is gone was lost with its stream, so what
        the stream holds now is new to us."""
        self._started = False
        if isinstance(error, BusMisused):
            self.config = replace(self.config, from_start=True)
