"""The ONVIF head against a simulated device that speaks real SOAP over HTTP on localhost."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("onvif", reason="needs the extra skygrid[ptz]")

from streams.ptz.head import HeadPreset, HeadRefused, HeadUnreachable, Pointing, ViewStep
from streams.ptz.onvif_head import OnvifAddress, OnvifHead
from streams.ptz.simulated import Mechanics, Panorama, SimulatedHead
from streams.ptz.soap_device import SoapDevice

TIMEOUT_S = 30.0
"""Generous: the library reads its WSDL files at the first call."""


@pytest.fixture(scope="module")
def device() -> Iterator[SoapDevice]:
    city = np.random.default_rng(1).integers(0, 255, (400, 800, 3), dtype=np.uint8)
    stored = {
        "1": HeadPreset("1", "北门 <north>", Pointing(-0.4, 0.1, 0.2)),
        "2": HeadPreset("2", "market", Pointing(0.4, 0.0, 0.2)),
    }
    mechanics = Mechanics(speed=20.0, zoom_speed=20.0, ring_s=0.05)
    head = SimulatedHead(stored, time.monotonic, mechanics, Panorama(city))
    with SoapDevice(head) as device:
        yield device


@pytest.fixture(scope="module")
def head(device: SoapDevice) -> Iterator[OnvifHead]:
    address = OnvifAddress("127.0.0.1", device.port, "admin", "skygrid", TIMEOUT_S)
    with OnvifHead(address) as head:
        yield head


def arrived(head: OnvifHead) -> Pointing:
    """Where it stands, once it says that it stands."""
    for _ in range(200):
        status = head.status()
        if status.moving is False and status.pointing is not None:
            return status.pointing
        time.sleep(0.02)
    raise AssertionError("head never arrived")


def test_presets_come_with_names_and_positions(head: OnvifHead) -> None:
    first, second = head.presets()
    assert (first.token, first.name) == ("1", "北门 <north>")
    assert second.pointing == Pointing(0.4, 0.0, 0.2)


def test_goto_moves_the_head(head: OnvifHead, device: SoapDevice) -> None:
    head.goto("2")
    assert arrived(head).pan == pytest.approx(0.4, abs=1e-3)
    assert "GotoPreset" in device.requests


def test_step_moves_in_the_picture_and_zooms(head: OnvifHead) -> None:
    head.goto("1")
    before = arrived(head)
    assert head.can_step
    head.step(ViewStep(right=0.25, down=0.0, closer=2.0))
    after = arrived(head)
    assert after.pan > before.pan
    assert after.zoom > before.zoom


def test_stop_is_accepted(head: OnvifHead, device: SoapDevice) -> None:
    head.stop()
    assert device.requests[-1] == "Stop"


def test_unknown_preset_is_refused_and_the_head_stays_usable(head: OnvifHead) -> None:
    with pytest.raises(HeadRefused, match="preset must be one of"):
        head.goto("99")
    assert len(head.presets()) == 2


def test_wrong_password_is_refused_and_never_told(device: SoapDevice) -> None:
    address = OnvifAddress("127.0.0.1", device.port, "admin", "s3cret-word", TIMEOUT_S)
    with pytest.raises(HeadRefused) as caught:
        OnvifHead(address)
    assert "s3cret-word" not in f"{caught.value}{address!r}"


def test_nobody_there_is_unreachable() -> None:
    with pytest.raises(HeadUnreachable, match=r"127\.0\.0\.1:1 "):
        OnvifHead(OnvifAddress("127.0.0.1", 1, timeout_s=TIMEOUT_S))


def test_a_device_that_says_nothing_of_moving(device: SoapDevice, head: OnvifHead) -> None:
    silent = Mechanics(speed=20.0, zoom_speed=20.0, ring_s=0.05, reports_moving=False)
    known, device.head.mechanics = device.head.mechanics, silent
    try:
        assert head.status().moving is None
    finally:
        device.head.mechanics = known


@pytest.mark.parametrize("body", [b"", b"<no", b"GET /", b"<a/>"])
def test_device_answers_nonsense_with_a_fault(device: SoapDevice, body: bytes) -> None:
    status, answer = device.answer(body)
    assert status == 400
    assert b"Fault" in answer
