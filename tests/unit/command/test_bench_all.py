"""`skygrid bench all` runs every part, whatever becomes of one, and says so by its exit code."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from bench.errors import NothingToMeasure
from bench.incidents.compare import Regression
from skygrid import cli_bench
from skygrid.cli import app

PARTS = (
    "detect",
    "detector",
    "fusion",
    "crowd",
    "track",
    "quiet",
    "incidents",
    "review",
    "speed",
)
DATA = {"detect", "crowd"}


@pytest.fixture
def ran(monkeypatch, tmp_path):
    """Names of the parts that ran; none does anything."""
    names: list[str] = []
    for name in PARTS:
        monkeypatch.setattr(cli_bench, name, lambda name=name, **_: names.append(name))
    monkeypatch.setenv("SKYGRID_DATA", str(tmp_path))
    monkeypatch.setenv("SKYGRID_FOOTAGE", str(tmp_path))
    return names


def run_all(tmp_path: Path):
    return CliRunner().invoke(app, ["bench", "all", "--out", str(tmp_path / "out")])


def test_every_part_runs(ran, tmp_path):
    assert run_all(tmp_path).exit_code == 0
    assert ran == list(PARTS)


@pytest.mark.parametrize(
    ("end", "code", "shown"),
    [
        pytest.param(typer.Exit(0), 0, "", id="left early, all well"),
        pytest.param(typer.Exit(1), 1, "failed: incidents", id="worse than before"),
        pytest.param(NothingToMeasure("no [clips]"), 1, "no [clips]", id="expected error"),
        pytest.param(ZeroDivisionError("a bug"), 1, "Traceback", id="bug"),
    ],
)
def test_a_part_that_stops_does_not_stop_the_others(ran, tmp_path, monkeypatch, end, code, shown):
    def stops(**_: object) -> None:
        raise end

    monkeypatch.setattr(cli_bench, "incidents", stops)
    answer = run_all(tmp_path)
    assert ran == [name for name in PARTS if name != "incidents"]
    assert answer.exit_code == code
    assert shown in answer.output


def test_what_needs_pictures_or_clips_is_skipped_and_says_so(ran, tmp_path, monkeypatch):
    monkeypatch.setenv("SKYGRID_DATA", str(tmp_path / "none"))
    answer = run_all(tmp_path)
    assert ran == [name for name in PARTS if name not in DATA]
    assert {n for n in PARTS if f"bench {n} skipped" in answer.output} == DATA


@pytest.mark.parametrize(("worse", "code"), [([], 0), ([Regression("recall", 1, 0, 0.01)], 1)])
def test_incidents_end_normally_unless_something_is_worse(monkeypatch, tmp_path, worse, code):
    nothing = SimpleNamespace(scores={})
    monkeypatch.setattr("bench.incidents.command.bench_incidents", lambda *_: (nothing, worse))
    answer = CliRunner().invoke(app, ["bench", "incidents", "--out", str(tmp_path)])
    assert answer.exit_code == code


def test_a_log_gets_a_line_every_while_in_place_of_a_bar(monkeypatch):
    text, clock = StringIO(), iter([0.0, 1.0, 40.0])
    monkeypatch.setattr(cli_bench, "console", Console(file=text))
    monkeypatch.setattr(cli_bench.time, "monotonic", lambda: next(clock))
    show = cli_bench._bar(Mock(), "quiet days")
    for step in (1, 2, 3):
        show(f"day {step}", step, 9)
    assert text.getvalue().splitlines() == [
        "quiet days: day 1, 1 of 9",
        "quiet days: day 3, 3 of 9",
    ]
