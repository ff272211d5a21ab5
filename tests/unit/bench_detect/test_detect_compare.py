"""Whether a fine-tuned weight is adopted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.detect_compare import compare, read_report
from bench.errors import NotComparable


def report(found: float = 0.8, false: float = 0.1, garbage: float = 0.7, n: int = 30) -> dict:
    rates = {"garbage": {"found": found, "false": false}}
    sets = {"garbage": {"garbage": {"n": n, "map50": garbage}}, "mine": {}}
    return {
        "weights": "w", "pictures": 9, "input_size": [640, 640], "sets": sets,
        "patrol_by_set": {"mine": rates, "garbage": rates},
    }  # fmt: skip


def test_better_on_the_own_set_and_no_worse_elsewhere_is_adopted() -> None:
    made = compare(report(), report(found=0.9, false=0.05, garbage=0.695), ["mine"])
    assert made.against == ()
    assert [(d.label, d.before, d.after) for d in made.differences] == [("garbage", 0.7, 0.695)]


@pytest.mark.parametrize(
    ("worse", "why"),
    [
        pytest.param({"found": 0.7}, "garbage of mine is found in fewer pictures", id="misses"),
        pytest.param({"false": 0.2}, "garbage of mine is false in more", id="false reports"),
        pytest.param({"garbage": 0.68}, "garbage of garbage loses 2.0 points", id="forgets"),
    ],
)
def test_what_speaks_against_it_is_said(worse: dict[str, Any], why: str) -> None:
    (reason,) = compare(report(), report(**worse), ["mine"]).against
    assert reason.startswith(why)


def test_a_few_objects_say_nothing() -> None:
    assert compare(report(n=24), report(n=24, garbage=0.1)).differences == ()


@pytest.mark.parametrize(
    ("change", "own", "said"),
    [
        pytest.param({"pictures": 8}, [], "same pictures", id="other pictures"),
        pytest.param({"input_size": [384, 640]}, [], "same input_size", id="other size"),
        pytest.param({"sets": {"garbage": {}}}, [], "those of garbage differ", id="other objects"),
        pytest.param({}, ["yours"], "set yours", id="a set that is not there"),
    ],
)
def test_reports_of_different_things_are_refused(change: dict, own: list, said: str) -> None:
    with pytest.raises(NotComparable, match=said):
        compare(report(), {**report(), **change}, own)


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    with pytest.raises(NotComparable, match="cannot be read"):
        read_report(path)
    path.write_text("{}")
    with pytest.raises(NotComparable, match="lacks sets"):
        read_report(path)
    path.write_text(json.dumps(report()))
    assert read_report(path)["pictures"] == 9
