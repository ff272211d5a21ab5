"""The benchmark's scores, by hand-made cases; and a run of it, small."""

from __future__ import annotations

import pytest

from bench.fusion import FusionBench, run, table
from bench.fusion_score import MergeScore, score


def test_perfect_merging() -> None:
    result = score([("i1", "h1"), ("i1", "h1"), ("i2", "h2")])
    assert (result.f1, result.duplicate_share, result.wrong_share) == (1.0, 0.0, 0.0)


def test_a_happening_in_two_incidents_is_a_duplicate() -> None:
    result = score([("i1", "h1"), ("i1", "h1"), ("i2", "h1"), ("i3", "h2")])
    assert result.duplicates == 1
    assert result.duplicate_share == pytest.approx(1 / 3)
    assert result.f1 == pytest.approx(2 * 1 / (1 + 3))


def test_two_happenings_in_one_incident_are_wrongly_joined() -> None:
    result = score([("i1", "h1"), ("i1", "h2"), ("i2", "h3")])
    assert result.wrongly_joined == 2
    assert result.wrong_share == pytest.approx(2 / 3)
    assert result.duplicates == 0 or result.f1 < 1


def test_counts_add_up() -> None:
    one = score([("i1", "h1"), ("i1", "h1")])
    assert one + MergeScore() == one
    assert (one + one).true == 2


def test_nothing_scores_one() -> None:
    assert score([]).f1 == 1.0


def test_a_small_run_beats_its_baselines() -> None:
    report = run(FusionBench(runs=2, seed=3, cities=0, messages=0))
    ways = report["ways"]
    assert ways["skygrid"]["merge_f1"] > 0.9
    assert ways["skygrid"]["merge_f1"] > ways["no fusion"]["merge_f1"]
    assert ways["skygrid"]["merge_f1"] > ways["same camera only"]["merge_f1"]
    assert "merge F1" in table(report)
