"""Backgrounds are kept a few at a time, each as often as the others."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pipeline.types import ViewKey
from skygrid import desk as module
from skygrid.desk import Desk, background_file

VIEWS = [SimpleNamespace(key=ViewKey(f"cam-{i}"), background=lambda: b"state") for i in range(40)]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk.__new__(Desk)
    patrol = SimpleNamespace(
        worker=SimpleNamespace(views=VIEWS), site=SimpleNamespace(data_dir=tmp_path)
    )
    made._patrol, made._keep_at_s = cast(Any, patrol), {}
    return made


def test_backgrounds_are_spread_over_the_period(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [5.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    rounds = []
    for second in range(1_205):
        now[0] = 5.0 + second
        rounds.append([view.key for view in desk._due_backgrounds()])
    assert max(map(len, rounds)) == 1
    assert set(Counter(key for round_ in rounds for key in round_).values()) == {2}


def test_a_kept_background_is_a_whole_file(desk: Desk, tmp_path: Path) -> None:
    desk._keep_backgrounds(cast(Any, VIEWS[:2]))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(files) == [background_file(tmp_path, view.key) for view in VIEWS[:2]]
    assert files[0].read_bytes() == b"state"
