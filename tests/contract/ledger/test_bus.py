"""What every event bus promises: in memory, on a real Redis."""

from __future__ import annotations

import pytest

from pipeline.queue.errors import BusMisused
from pipeline.queue.port import EventBus, Group, Message, dead_letters

STREAM = "skygrid:test"
MINE = Group(STREAM, "dispatch", "one")
OTHER = Group(STREAM, "dispatch", "two")


def message(name: str) -> Message:
    return Message(name, {"id": name, "event": "{}"})


def ids(deliveries) -> list[str]:
    return [d.fields["id"] for d in deliveries]


class TestPublish:
    def test_an_id_is_appended_once(self, bus: EventBus) -> None:
        assert bus.publish(STREAM, [message("a"), message("b")]) == [True, True]
        assert bus.publish(STREAM, [message("b"), message("c")]) == [False, True]
        bus.ensure_group(MINE, from_start=True)
        assert ids(bus.read(MINE, count=10, block_s=0.01)) == ["a", "b", "c"]

    def test_the_same_id_in_one_batch(self, bus: EventBus) -> None:
        assert bus.publish(STREAM, [message("a"), message("a")]) == [True, False]

    def test_nothing_to_publish(self, bus: EventBus) -> None:
        assert bus.publish(STREAM, []) == []


class TestGroups:
    def test_a_group_starts_at_the_end_unless_told(self, bus: EventBus) -> None:
        bus.publish(STREAM, [message("old")])
        bus.ensure_group(MINE)
        bus.publish(STREAM, [message("new")])
        assert ids(bus.read(MINE, count=10, block_s=0.01)) == ["new"]

    def test_ensuring_again_keeps_the_position(self, bus: EventBus) -> None:
        bus.ensure_group(MINE)
        bus.publish(STREAM, [message("a")])
        bus.ensure_group(MINE, from_start=True)
        assert ids(bus.read(MINE, count=10, block_s=0.01)) == ["a"]
        bus.ensure_group(MINE, from_start=True)
        assert bus.read(MINE, count=10, block_s=0.01) == []

    def test_consumers_share_and_groups_do_not(self, bus: EventBus) -> None:
        alone = Group(STREAM, "archive", "one")
        for group in (MINE, alone):
            bus.ensure_group(group)
        bus.publish(STREAM, [message("a"), message("b")])
        assert ids(bus.read(MINE, count=1, block_s=0.01)) == ["a"]
        assert ids(bus.read(OTHER, count=5, block_s=0.01)) == ["b"]
        assert ids(bus.read(alone, count=5, block_s=0.01)) == ["a", "b"]

    def test_a_missing_group_is_a_misuse(self, bus: EventBus) -> None:
        with pytest.raises(BusMisused):
            bus.read(MINE, count=1, block_s=0.01)


class TestAcknowledging:
    def test_unacknowledged_stays_pending(self, bus: EventBus) -> None:
        bus.ensure_group(MINE)
        bus.publish(STREAM, [message("a"), message("b")])
        first, second = bus.read(MINE, count=5, block_s=0.01)
        assert (first.deliveries, second.deliveries) == (1, 1)
        bus.ack(MINE, [first.entry_id])
        bus.ack(MINE, [first.entry_id])
        (left,) = bus.own_pending(MINE, count=5)
        assert (left.entry_id, left.deliveries) == (second.entry_id, 2)
        assert left.fields == second.fields

    def test_stale_messages_change_hands(self, bus: EventBus) -> None:
        bus.ensure_group(MINE)
        bus.publish(STREAM, [message("a")])
        (taken,) = bus.read(MINE, count=5, block_s=0.01)
        assert bus.claim_stale(OTHER, idle_s=60, count=5) == []
        (claimed,) = bus.claim_stale(OTHER, idle_s=0, count=5)
        assert (claimed.entry_id, claimed.deliveries) == (taken.entry_id, 2)
        assert bus.own_pending(MINE, count=5) == []
        assert ids(bus.own_pending(OTHER, count=5)) == ["a"]

    def test_burying_moves_to_the_dead_letters(self, bus: EventBus) -> None:
        bus.ensure_group(MINE)
        bus.publish(STREAM, [message("a")])
        (taken,) = bus.read(MINE, count=5, block_s=0.01)
        bus.bury(MINE, taken, "handler said no")
        assert bus.own_pending(MINE, count=5) == []
        watch = Group(dead_letters(STREAM), "watch", "one")
        bus.ensure_group(watch, from_start=True)
        (dead,) = bus.read(watch, count=5, block_s=0.01)
        assert dead.fields["id"] == "a"
        assert dead.fields["dead_reason"] == "handler said no"
        assert dead.fields["dead_group"] == "dispatch"
        assert dead.fields["dead_entry"] == taken.entry_id
        assert dead.fields["dead_deliveries"] == "1"


def test_the_incarnation_is_stable(bus: EventBus) -> None:
    assert bus.incarnation() == bus.incarnation()
