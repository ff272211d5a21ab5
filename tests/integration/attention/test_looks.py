"""What a look decodes: everything, or only the keyframes where they come often enough."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from models.labels import LABELS
from pipeline.confirm import Origin
from pipeline.engine.watch import WatchedView
from pipeline.types import ViewKey
from pipeline.view_pipeline import ViewPipeline, ViewPlan
from streams.camera import Camera
from streams.decode import FrameDecoder
from streams.source import SourceOptions, open_source
from streams.testcard import TestCard, write_test_card

KEY = ViewKey("gate")


def view_of(folder: Path, gop: int) -> tuple[WatchedView, float]:
    """A view whose ring holds six seconds, and the time of its last keyframe."""
    clip = write_test_card(folder / "clip.mp4", TestCard(size=(128, 72), duration_s=6.0, gop=gop))
    camera = Camera("gate", "rtsp://127.0.0.1:9/none")
    with open_source("gate", str(clip), SourceOptions(pace="fast")) as source:
        packets = list(source)
    last = [p.timestamp_s for p in packets if p.is_keyframe][-1]
    for packet in packets:
        camera.ring.append(packet)
    plan = ViewPlan(Origin("s", KEY, "m@0"), (), LABELS)
    return WatchedView(KEY, camera, ViewPipeline(plan), (), publish=lambda _: None), last


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each decoded packet was a keyframe."""
    seen: list[bool] = []
    decode = FrameDecoder.decode

    def counting(self: FrameDecoder, packet: object) -> object:
        seen.append(packet.is_keyframe)  # type: ignore[attr-defined]
        return decode(self, packet)  # type: ignore[arg-type]

    monkeypatch.setattr(FrameDecoder, "decode", counting)
    return seen


def test_a_slow_look_is_content_with_keyframes(tmp_path: Path, decoded: list[bool]) -> None:
    view, last_s = view_of(tmp_path, gop=25)
    times = [s.timestamp_s for s in view.look(1.5, 1.0, threading.Event())]
    assert times == [last_s]
    assert all(decoded)


def test_a_fast_look_decodes_what_lies_between(tmp_path: Path, decoded: list[bool]) -> None:
    view, last_s = view_of(tmp_path, gop=25)
    times = [s.timestamp_s for s in view.look(0.8, 5.0, threading.Event())]
    assert times[0] == last_s
    assert np.diff(times)[1:] == pytest.approx(0.2, abs=0.01)
    assert not all(decoded)


def test_keyframes_too_far_apart_serve_no_look(tmp_path: Path, decoded: list[bool]) -> None:
    view, last_s = view_of(tmp_path, gop=75)
    times = [s.timestamp_s for s in view.look(2.5, 1.0, threading.Event())]
    assert times[0] == last_s
    assert len(times) > 1
    assert not all(decoded)


def test_a_stopped_look_ends(tmp_path: Path) -> None:
    view, _ = view_of(tmp_path, gop=25)
    stop = threading.Event()
    stop.set()
    assert list(view.look(1.5, 1.0, stop)) == []
