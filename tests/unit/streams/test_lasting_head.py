"""A head that comes and goes: connected when needed, left alone after a refusal."""

from __future__ import annotations

import pytest

from streams.ptz.head import HeadPreset, HeadRefused, HeadUnreachable, Pointing
from streams.ptz.lasting import REFUSED_S, LastingHead
from streams.ptz.simulated import SimulatedHead


class Device:
    """Counts connections and fails as told."""

    def __init__(self) -> None:
        self.now_s, self.connections, self.fails = 0.0, 0, None

    def connect(self) -> SimulatedHead:
        self.connections += 1
        if self.fails is not None:
            raise self.fails
        stored = {"1": HeadPreset("1", "one", Pointing(0.5, 0.0, 0.0))}
        return SimulatedHead(stored, lambda: self.now_s)


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def head(device: Device) -> LastingHead:
    return LastingHead(device.connect, lambda: device.now_s)


def test_it_connects_once_and_only_when_needed(device: Device, head: LastingHead) -> None:
    assert not head.can_step
    assert device.connections == 0
    head.goto("1")
    assert [p.name for p in head.presets()] == ["one"]
    assert device.connections == 1


def test_silence_drops_the_connection_and_the_next_call_tries_again(
    device: Device, head: LastingHead
) -> None:
    device.fails = HeadUnreachable("silent")
    for _ in range(2):
        with pytest.raises(HeadUnreachable):
            head.goto("1")
    device.fails = None
    head.goto("1")
    assert device.connections == 3


def test_a_refused_account_is_not_tried_again_at_once(device: Device, head: LastingHead) -> None:
    device.fails = HeadRefused("wrong password")
    for _ in range(5):
        with pytest.raises(HeadRefused, match="wrong password"):
            head.goto("1")
    assert device.connections == 1
    device.now_s, device.fails = REFUSED_S + 1, None
    head.goto("1")


def test_a_refused_preset_keeps_the_connection(device: Device, head: LastingHead) -> None:
    with pytest.raises(HeadRefused, match="preset must be one of"):
        head.goto("9")
    head.goto("1")
    assert device.connections == 1
