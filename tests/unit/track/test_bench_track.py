"""The tracking benchmark: which clips, which rates, and rows that a perfect tracker tops."""

from __future__ import annotations

import json

import pytest

from bench.track import measure, mot_clips, table


@pytest.fixture
def footage(tmp_path):
    folder = tmp_path / "walkers"
    folder.mkdir()
    lines = [
        f"{frame},{who},{100 * who + 2 * frame},50,20,60,1,1,1"
        for frame in range(1, 41)
        for who in (1, 2)
    ]
    (folder / "gt.txt").write_text("\n".join(lines) + "\n")
    (folder / "meta.json").write_text(json.dumps({"fps": 10.0}))
    (tmp_path / "no-truth").mkdir()
    return tmp_path


def test_clips_with_truth_are_found_with_their_rate(footage):
    assert [(c.name, c.fps) for c in mot_clips(footage)] == [("walkers", 10.0)]


def test_rates_above_the_clip_are_the_clip_s_own(footage):
    rows = measure(mot_clips(footage), [25, 10, 1], ["ours"])
    assert [(r["boxes"], r["fps"]) for r in rows] == [
        ("true", 10.0),
        ("true", 1),
        ("damaged", 10.0),
        ("damaged", 1),
    ]
    slow_walkers = rows[0]
    assert (slow_walkers["idf1"], slow_walkers["switches"]) == (pytest.approx(1.0, abs=0.06), 0)
    assert rows[2]["hota"] < slow_walkers["hota"]
    assert table(rows).count("walkers") == 4
