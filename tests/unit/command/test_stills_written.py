"""Stills are replaced quickly while somebody looks at them, and seldom otherwise."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from models.detections import Detections
from models.labels import LABELS
from pipeline.confirm import Origin
from pipeline.engine.watch import WatchedView
from pipeline.stills import StillWriter, note_watched
from pipeline.types import ViewKey
from pipeline.view_pipeline import ViewPipeline, ViewPlan
from skygrid.desk import Desk
from streams.camera import Camera
from streams.types import Frame

GATE = ViewKey("gate")


def test_a_look_counts_for_a_minute(tmp_path: Path) -> None:
    stills = StillWriter(tmp_path)
    assert not stills.is_watched()
    note_watched(tmp_path)
    assert stills.is_watched()
    long_ago = time.time() - 61
    os.utime(tmp_path / ".watched", (long_ago, long_ago))
    assert not stills.is_watched()
    note_watched(tmp_path)
    assert stills.is_watched()


def test_nobody_can_look_where_there_are_no_stills_yet(tmp_path: Path) -> None:
    note_watched(tmp_path / "missing")
    assert not StillWriter(tmp_path / "missing").is_watched()


@pytest.fixture
def view() -> WatchedView:
    plan = ViewPlan(Origin("site", GATE, "m@0"), (), LABELS)
    camera = Camera("gate", "rtsp://127.0.0.1:9/none")
    return WatchedView(GATE, camera, ViewPipeline(plan), (), publish=lambda _: None)


@pytest.fixture
def desk(tmp_path: Path, view: WatchedView) -> Desk:
    """A desk with one view, and nothing to do but stills."""
    made = Desk.__new__(Desk)
    patrol = SimpleNamespace(
        stills=StillWriter(tmp_path), worker=SimpleNamespace(views=(view,)), grounds={}
    )
    made._patrol, made._stills, made._placed = cast(Any, patrol), {}, {}
    made._hands = cast(Any, SimpleNamespace(obey=lambda: None))
    for name in ("_write_status", "_tell_faults", "_take_zones", "_take_verdicts"):
        setattr(made, name, lambda: None)
    made._keep_at_s, made._probed_s = {}, float("inf")
    return made


def test_unwatched_stills_are_replaced_seldom(
    tmp_path: Path, desk: Desk, view: WatchedView
) -> None:
    shown = tmp_path / "gate" / "main.json"

    def shown_after(at_s: float) -> float:
        at = datetime.fromtimestamp(at_s, UTC)
        image = np.zeros((8, 8, 3), np.uint8)
        view.judge(Frame("gate", at_s, at, image), Detections(), looking=False)
        desk._round()
        told = json.loads(shown.read_text())
        return datetime.fromisoformat(told["at"]).timestamp()

    assert [shown_after(at_s) for at_s in (0, 4, 8, 29, 30, 34)] == [0, 0, 0, 0, 30, 30]
    note_watched(tmp_path)
    desk._round()
    assert [shown_after(at_s) for at_s in (38, 40, 42)] == [38, 38, 42]
    long_ago = time.time() - 61
    os.utime(tmp_path / ".watched", (long_ago, long_ago))
    desk._round()
    assert [shown_after(at_s) for at_s in (46, 71, 72)] == [42, 42, 72]
