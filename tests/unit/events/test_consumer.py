"""The consumer on the memory bus: once to the handler, whatever happens."""

from __future__ import annotations

from types import ModuleType

import pytest

from pipeline.events.message import IncidentEvent
from pipeline.ledger.memory import MemoryLedger
from pipeline.outbox import Relay
from pipeline.queue.consumer import Consumer, ConsumerConfig, RecentEvents
from pipeline.queue.memory import MemoryBus
from pipeline.queue.port import INCIDENTS, Group, Message, dead_letters

GROUP = Group(INCIDENTS, "dispatch", "one")
NOW = ConsumerConfig(from_start=True, block_s=0.0, stale_s=0.0, max_deliveries=3)
LATER = ConsumerConfig(from_start=True, block_s=0.0, stale_s=3600.0)


@pytest.fixture
def bus(build: ModuleType) -> MemoryBus:
    """A bus with three incidents started."""
    ledger, bus = MemoryLedger(), MemoryBus()
    for n in range(3):
        ledger.record(build.make_sighting(n, zone_id=f"z{n}"))
    Relay(ledger, bus).drain()
    return bus


class Handler:
    def __init__(self, fail: int = 0) -> None:
        self.zones: list[str] = []
        self.fail = fail

    def __call__(self, event: IncidentEvent) -> None:
        if self.fail:
            self.fail -= 1
            raise RuntimeError("database away")
        self.zones.append(event.data.zone)


def drain(consumer: Consumer) -> None:
    while consumer.run_once():
        pass


class TestConsumer:
    def test_every_event_once_in_order(self, bus: MemoryBus) -> None:
        handler = Handler()
        consumer = Consumer(bus, GROUP, handler, config=LATER)
        drain(consumer)
        assert handler.zones == ["z0", "z1", "z2"]
        assert consumer.status.handled == 3
        assert bus.own_pending(GROUP, count=10) == []

    def test_what_a_dead_consumer_took_is_taken_over(self, bus: MemoryBus) -> None:
        bus.ensure_group(GROUP, from_start=True)
        bus.read(Group(INCIDENTS, "dispatch", "dead"), count=2, block_s=0)
        handler = Handler()
        drain(Consumer(bus, GROUP, handler, config=NOW))
        assert sorted(handler.zones) == ["z0", "z1", "z2"]

    def test_its_own_leftovers_come_first(self, bus: MemoryBus) -> None:
        bus.ensure_group(GROUP, from_start=True)
        bus.read(GROUP, count=2, block_s=0)
        handler = Handler()
        consumer = Consumer(bus, GROUP, handler, config=LATER)
        consumer.run_once()
        assert handler.zones == ["z0", "z1"]

    def test_a_failing_handler_gets_it_again(self, bus: MemoryBus) -> None:
        handler = Handler(fail=1)
        consumer = Consumer(bus, GROUP, handler, config=NOW)
        drain(consumer)
        assert sorted(handler.zones) == ["z0", "z1", "z2"]
        assert consumer.status.failed == 1
        assert consumer.status.dead == 0

    def test_after_enough_deliveries_it_is_dead(self, bus: MemoryBus) -> None:
        handler = Handler(fail=10_000)
        consumer = Consumer(bus, GROUP, handler, config=NOW)
        drain(consumer)
        dead = bus.entries(dead_letters(INCIDENTS))
        assert [d["zone"] for d in dead] == ["z0", "z1", "z2"]
        assert {d["dead_reason"] for d in dead} == {"RuntimeError: database away"}
        assert {d["dead_deliveries"] for d in dead} == {"3"}
        assert consumer.status.dead == 3
        assert bus.own_pending(GROUP, count=10) == []

    def test_what_is_no_event_is_dead_at_once(self, bus: MemoryBus) -> None:
        bus.publish(INCIDENTS, [Message("x", {"event": "{}"}), Message("y", {"other": "1"})])
        consumer = Consumer(bus, GROUP, Handler(), config=LATER)
        drain(consumer)
        assert (consumer.status.handled, consumer.status.dead) == (3, 2)
        reasons = [d["dead_reason"] for d in bus.entries(dead_letters(INCIDENTS))]
        assert "not valid" in reasons[0]
        assert "must have the field 'event'" in reasons[1]

    def test_source_and_id_name_an_event(self, bus: MemoryBus) -> None:
        first = bus.entries(INCIDENTS)[0]
        bus.publish(INCIDENTS, [Message("doubled", first)])
        handler = Handler()
        consumer = Consumer(bus, GROUP, handler, config=LATER)
        drain(consumer)
        assert handler.zones == ["z0", "z1", "z2"]
        assert consumer.status.duplicates == 1
        assert bus.own_pending(GROUP, count=10) == []

    def test_memory_of_events_is_bounded(self) -> None:
        seen = RecentEvents(capacity=2)
        for n in "abc":
            seen.add(("s", n))
        assert [seen.has(("s", n)) for n in "abc"] == [False, True, True]
