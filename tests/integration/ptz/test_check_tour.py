"""`skygrid check` of an eagle-eye: which presets the device knows, without moving the head."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("onvif", reason="needs the extra skygrid[ptz]")

from pipeline.site.settings import CameraSettings
from skygrid.check_tour import check_tour
from streams.ptz.head import HeadPreset, Pointing
from streams.ptz.simulated import SimulatedHead
from streams.ptz.soap_device import SoapDevice


def camera(port: int, reference: Path | None = None) -> CameraSettings:
    stops = [
        {"view": "market", "preset": "1", "reference": str(reference) if reference else None},
        {"view": "quay", "preset": "9", "dwell_s": 20, "priority": 2},
    ]
    return CameraSettings.model_validate(
        {
            "id": "roof",
            "url": "rtsp://127.0.0.1/roof",
            "tour": {
                "host": "127.0.0.1", "port": port, "user": "admin", "password": "skygrid",
                "stops": stops,
            },
            "views": [
                {"id": "market", "zones": [{"id": "square", "rules": [{"type": "garbage"}]}]},
                {"id": "quay"},
            ],
        }
    )  # fmt: skip


def test_a_preset_that_the_device_does_not_know_is_named(tmp_path: Path) -> None:
    reference = tmp_path / "market.png"
    cv2.imwrite(str(reference), np.full((180, 320, 3), 90, np.uint8))
    head = SimulatedHead({"1": HeadPreset("1", "市场", Pointing(0, 0, 0))}, time.monotonic)
    with SoapDevice(head) as device:
        market, quay = check_tour(camera(device.port, reference), tmp_path / "stills")
    assert (market.preset, market.trouble) == ("1 市场", "")
    assert market.still is not None
    assert (cv2.imread(str(market.still)) != 90).any()
    assert quay.trouble == "the device has no preset '9'"
    assert quay.visit == "20 s, priority 2"
    assert head.moves == []


def test_a_head_that_does_not_answer_is_told_for_every_stop(tmp_path: Path) -> None:
    checks = check_tour(camera(1), tmp_path)
    assert len(checks) == 2
    assert all("cannot be talked to" in check.trouble for check in checks)
