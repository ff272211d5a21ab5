"""Stills are replaced quickly while somebody looks at them, and seldom otherwise."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from pipeline.engine.watch import Still
from pipeline.stills import StillWriter, note_watched
from pipeline.types import ViewKey
from skygrid import desk as module
from skygrid.desk import Desk
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


def test_unwatched_stills_are_replaced_seldom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    written: list[bytes] = []
    patrol = SimpleNamespace(stills=SimpleNamespace(write=lambda key, s: written.append(s.jpeg)))
    desk = Desk.__new__(Desk)
    desk._patrol, desk._stills = cast(Any, patrol), {}
    image = np.zeros((8, 8, 3), np.uint8)

    def round_(at_s: float, every_s: float) -> int:
        now[0] = 100.0 + at_s
        frame = Frame("gate", at_s, datetime(2026, 1, 1, tzinfo=UTC), image)
        still = Still(frame, (8, 8), ())
        desk._write_still(cast(Any, SimpleNamespace(key=GATE, still=lambda: still)), every_s)
        return len(written)

    assert [round_(at_s, 30.0) for at_s in (0, 4, 8, 29, 30, 34)] == [1, 1, 1, 1, 2, 2]
    assert [round_(at_s, 0.0) for at_s in (38, 42)] == [3, 4]
