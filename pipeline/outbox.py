"""The relay: carries events from the outbox to the bus, in order, none lost, none doubled.

An event is marked as published only after the bus took it, and the bus refuses an id that it
has seen. So whatever dies between the two, a re-send follows and is the same event. A bus that
restarted may have forgotten its last second (AOF is synced every second): when its incarnation
changes, and at every start of a relay, what was published lately is sent once more.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Event, Lock

import structlog

from pipeline.ledger.errors import LedgerError
from pipeline.ledger.outbox import Outbox, OutboxEvent, Recent
from pipeline.queue.errors import BusError
from pipeline.queue.port import INCIDENTS, EventBus, Message

_log = structlog.get_logger(__name__)

IDLE_ROUNDS = 5
"""The backlog is counted anew after so many pauses in which nothing was sent."""

_GATHER_S = 0.02
"""After a ring: many cameras that start, or a spool that empties, ring for every entry."""


@dataclass(frozen=True, slots=True)
class RelayConfig:
    """How the relay works.

    Attributes:
        stream: Stream that takes the events.
        batch: Events per round trip; with an event's 64 KiB it bounds the relay's memory.
        poll_s: Longest pause when nothing waits; shorter when somebody rings.
        backoff_s: First pause after a failure; doubles up to `max_backoff_s`, with jitter.
        max_backoff_s: Longest pause after a failure.
        recent: Which published events are sent once more after a restart of the bus.
        keep: How long published events stay in the outbox.
    """

    stream: str = INCIDENTS
    batch: int = 100
    poll_s: float = 1.0
    backoff_s: float = 0.5
    max_backoff_s: float = 15.0
    recent: Recent = field(default_factory=Recent)
    keep: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class RelayStatus:
    """What metrics and health show of the relay.

    Attributes:
        up: The last round succeeded; None before the first.
        reason: Why not.
        pending: Events that wait, as of the last time the database answered.
        oldest_at: When the oldest of them was written.
        published: Events that the bus took from this relay.
        known: Events that the bus had already.
        failures: Failed rounds.
        resends: How often the recent past was sent once more.
    """

    up: bool | None = None
    reason: str = ""
    pending: int = 0
    oldest_at: datetime | None = None
    published: int = 0
    known: int = 0
    failures: int = 0
    resends: int = 0

    def oldest_age_s(self, now: datetime) -> float:
        """Age of the oldest waiting event in seconds, 0 when none waits."""
        return max(0.0, (now - self.oldest_at).total_seconds()) if self.oldest_at else 0.0


class Relay:
    """Moves events from an outbox to a bus; any number of relays may share both."""

    def __init__(
        self,
        outbox: Outbox,
        bus: EventBus,
        config: RelayConfig | None = None,
        *,
        rng: random.Random | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._outbox, self._bus = outbox, bus
        self.config = config or RelayConfig()
        self._rng = rng or random.Random()
        self._clock = clock
        self._incarnation: str | None = None
        self._status = RelayStatus()
        self._lock = Lock()
        self._news = Event()
        self._pruned_at: datetime | None = None
        self._refreshed_s = float("-inf")

    @property
    def status(self) -> RelayStatus:
        """The newest state; any thread may ask."""
        with self._lock:
            return self._status

    def run_once(self) -> int:
        """One round: notice a restarted bus, publish one batch; returns how many were sent.

        Raises:
            BusError, LedgerError: The round failed; calling again continues where it stopped.
        """
        incarnation = self._bus.incarnation()
        if incarnation != self._incarnation:
            self._send_again()
            self._incarnation = incarnation
        events = self._outbox.waiting(self.config.batch)
        if not events:
            return 0
        added = self._publish(events)
        self._outbox.mark_published([event.number for event in events])
        self._count(published=sum(added), known=len(added) - sum(added))
        return len(events)

    def _send_again(self) -> None:
        """Send what was published lately once more; the bus drops what it still has."""
        after, found = 0, 0
        while batch := self._outbox.lately_published(self.config.recent, self.config.batch, after):
            found += sum(self._publish(batch))
            after = batch[-1].number
        self._count(published=found, resends=1)
        if found:
            _log.warning("relay_bus_had_forgotten", restored=found)

    def _publish(self, events: Iterable[OutboxEvent]) -> list[bool]:
        messages = [Message(event.event_id, event.fields) for event in events]
        return self._bus.publish(self.config.stream, messages)

    def drain(self, timeout_s: float = float("inf")) -> int:
        """Publish until nothing waits; returns how many were sent. Raises as `run_once`.

        No round begins after `timeout_s`; what then waits stays in the outbox.
        """
        until_s, sent = time.monotonic() + timeout_s, 0
        while time.monotonic() < until_s and (count := self.run_once()):
            sent += count
        self._refresh()
        return sent

    def ring(self) -> None:
        """Look into the outbox now: something was written to it, or `stop` was set.

        Writers in other processes cannot ring; theirs is found after `poll_s` at most.
        """
        self._news.set()

    def run(self, stop: Event) -> None:
        """Relay until `stop` is set; every failure is logged once, counted and tried again."""
        failures = 0
        while not stop.is_set():
            try:
                sent = self.run_once()
                if sent or self._is_refresh_due():
                    self._refresh()
            except (BusError, LedgerError) as error:
                failures += 1
                self._failed(error)
                stop.wait(self._pause_s(failures))
            except Exception as error:  # the relay must outlive a bug in one round
                failures += 1
                _log.exception("relay_round_failed")
                self._failed(error)
                stop.wait(self._pause_s(failures))
            else:
                failures = 0
                self._recovered()
                if sent < self.config.batch:
                    if self._news.wait(self.config.poll_s):
                        stop.wait(_GATHER_S)
                    self._news.clear()

    def _pause_s(self, failures: int) -> float:
        longest = min(
            self.config.max_backoff_s, self.config.backoff_s * 2.0 ** min(failures - 1, 16)
        )
        return longest * self._rng.uniform(0.5, 1.0)

    def _is_refresh_due(self) -> bool:
        """A relay with nothing to do counts the backlog now and then: others may share it."""
        return time.monotonic() - self._refreshed_s >= IDLE_ROUNDS * self.config.poll_s

    def _refresh(self) -> None:
        self._refreshed_s = time.monotonic()
        backlog = self._outbox.backlog()
        with self._lock:
            self._status = replace(
                self._status, pending=backlog.pending, oldest_at=backlog.oldest_at
            )
        now = self._clock()
        if self._pruned_at is None or now - self._pruned_at > timedelta(minutes=10):
            self._outbox.prune(self.config.keep, limit=5_000)
            self._pruned_at = now

    def _count(self, *, published: int = 0, known: int = 0, resends: int = 0) -> None:
        with self._lock:
            was = self._status
            self._status = replace(
                was,
                published=was.published + published,
                known=was.known + known,
                resends=was.resends + resends,
            )

    def _recovered(self) -> None:
        with self._lock:
            was_down = self._status.up is False
            self._status = replace(self._status, up=True, reason="")
        if was_down:
            _log.info("relay_up", pending=self._status.pending)

    def _failed(self, error: Exception) -> None:
        with self._lock:
            was_up = self._status.up is not False
            failures = self._status.failures + 1
            self._status = replace(self._status, up=False, reason=str(error), failures=failures)
        if was_up:
            _log.warning("relay_down", reason=str(error))
        try:
            self._refresh()
        except LedgerError as unreadable:
            _log.debug("relay_backlog_unknown", reason=str(unreadable))
