"""The relay on stubs: order, once each, through every failure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from types import ModuleType

import pytest

from pipeline.ledger.errors import LedgerUnavailable
from pipeline.ledger.memory import MemoryLedger
from pipeline.outbox import Relay, RelayConfig, RelayStatus
from pipeline.queue.errors import BusUnavailable
from pipeline.queue.memory import MemoryBus
from pipeline.queue.port import INCIDENTS, Message

SMALL = RelayConfig(batch=3, poll_s=0.001)


def fill(ledger: MemoryLedger, build: ModuleType, count: int, first: int = 0) -> list[str]:
    for n in range(first, first + count):
        ledger.record(build.make_sighting(n, zone_id=f"z{n}"))
    return [e.event_id for e in ledger.waiting(10_000)]


def in_stream(bus: MemoryBus) -> list[str]:
    return [entry["id"] for entry in bus.entries(INCIDENTS)]


class LosesAnswers(MemoryBus):
    """Takes messages, then the answer is lost, as often as told."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def publish(self, stream: str, messages: Sequence[Message]) -> list[bool]:
        added = super().publish(stream, messages)
        if self.times:
            self.times -= 1
            raise BusUnavailable("answer lost")
        return added


class StopsAfter:
    """A stop event that is set after some rounds, and remembers the pauses after failures."""

    def __init__(self, rounds: int) -> None:
        self.waits: list[float] = []
        self._rounds = rounds

    def is_set(self) -> bool:
        self._rounds -= 1
        return self._rounds < 0

    def wait(self, timeout: float) -> bool:
        self.waits.append(timeout)
        return False


class TestRelay:
    def test_publishes_in_order_and_once(self, build: ModuleType) -> None:
        ledger, bus = MemoryLedger(), MemoryBus()
        expected = fill(ledger, build, 10)
        assert Relay(ledger, bus, SMALL).drain() == 10
        assert in_stream(bus) == expected
        assert Relay(ledger, bus, SMALL).drain() == 0
        assert in_stream(bus) == expected

    def test_a_lost_answer_does_not_double(self, build: ModuleType) -> None:
        ledger, bus = MemoryLedger(), LosesAnswers(times=2)
        expected = fill(ledger, build, 5)
        relay = Relay(ledger, bus, SMALL)
        for _ in range(2):
            with pytest.raises(BusUnavailable):
                relay.run_once()
        relay.drain()
        assert in_stream(bus) == expected
        assert relay.status.known == 3

    def test_a_death_before_marking_does_not_double(self, build: ModuleType) -> None:
        class DiesMarking(MemoryLedger):
            dies = True

            def mark_published(self, numbers: Sequence[int]) -> None:
                if self.dies:
                    raise LedgerUnavailable("killed")
                super().mark_published(numbers)

        ledger, bus = DiesMarking(), MemoryBus()
        expected = fill(ledger, build, 5)
        with pytest.raises(LedgerUnavailable):
            Relay(ledger, bus, SMALL).run_once()
        ledger.dies = False
        Relay(ledger, bus, SMALL).drain()
        assert in_stream(bus) == expected

    def test_what_a_restarted_bus_forgot_is_sent_again(self, build: ModuleType) -> None:
        ledger, bus = MemoryLedger(), MemoryBus()
        expected = fill(ledger, build, 7)
        relay = Relay(ledger, bus, SMALL)
        relay.drain()
        bus.restart(lose_last=4)
        relay.run_once()
        assert in_stream(bus) == expected
        assert relay.status.resends == 2

    def test_what_was_forgotten_while_no_relay_ran_is_sent_again(self, build: ModuleType) -> None:
        ledger, bus = MemoryLedger(), MemoryBus()
        expected = fill(ledger, build, 7)
        Relay(ledger, bus, SMALL).drain()
        bus.restart(lose_last=7)
        Relay(ledger, bus, SMALL).drain()
        assert in_stream(bus) == expected

    def test_two_relays_in_turns_neither_double_nor_lose(self, build: ModuleType) -> None:
        ledger, bus = MemoryLedger(), MemoryBus()
        relays = [Relay(ledger, bus, SMALL) for _ in range(2)]
        rng = random.Random(7)
        for n in range(30):
            fill(ledger, build, 1, first=n)
            rng.choice(relays).run_once()
        for relay in relays:
            relay.drain()
        assert len(in_stream(bus)) == len(set(in_stream(bus))) == 30

    def test_an_outage_is_waited_out_with_jittered_backoff(self, build: ModuleType) -> None:
        ledger, bus = MemoryLedger(), MemoryBus()
        fill(ledger, build, 2)
        relay = Relay(ledger, bus, SMALL, rng=random.Random(1))
        bus.down = True
        stop = StopsAfter(12)
        relay.run(stop)
        assert relay.status.up is False
        assert relay.status.failures == 12
        assert relay.status.pending == 2
        assert all(a <= b * 4 for a, b in zip(stop.waits, stop.waits[1:], strict=False))
        assert max(stop.waits) <= SMALL.max_backoff_s
        assert len({round(w, 6) for w in stop.waits[-4:]}) == 4, "no jitter"
        bus.down = False
        relay.run(StopsAfter(1))
        assert relay.status.up is True
        assert relay.status.reason == ""
        assert relay.status.pending == 0

    def test_draining_ends_at_its_deadline(self, build: ModuleType) -> None:
        class NeverEmpty(MemoryLedger):
            def mark_published(self, numbers: Sequence[int]) -> None:
                """Forget it: everything waits again, as when a writer is faster than the bus."""

        ledger, bus = NeverEmpty(), MemoryBus()
        fill(ledger, build, 3)
        assert Relay(ledger, bus, SMALL).drain(timeout_s=0.05) >= 3
        assert Relay(ledger, bus, SMALL).drain(timeout_s=0.0) == 0

    def test_a_database_outage_is_survived(self, build: ModuleType) -> None:
        ledger, bus = MemoryLedger(), MemoryBus()
        fill(ledger, build, 2)
        ledger.down = True
        relay = Relay(ledger, bus, SMALL)
        relay.run(StopsAfter(2))
        assert relay.status.up is False
        ledger.down = False
        relay.run(StopsAfter(1))
        assert len(in_stream(bus)) == 2


def test_the_oldest_age_is_of_what_waits(build: ModuleType) -> None:
    later = build.NOON + timedelta(seconds=90)
    assert RelayStatus().oldest_age_s(later) == 0
    assert RelayStatus(oldest_at=build.NOON).oldest_age_s(later) == 90
