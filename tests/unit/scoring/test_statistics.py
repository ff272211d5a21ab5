"""Intervals against published values, and the comparison of two runs."""

from __future__ import annotations

import pytest

from bench.incidents.compare import compare, compare_quiet
from bench.incidents.errors import BenchError
from bench.incidents.intervals import (
    lost_more_than_won,
    poisson_rate,
    rate_grew,
    rate_over_places,
    wilson,
)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    # Garwood's table: 0 -> 3.689, 5 -> (1.623, 11.668), 10 -> (4.795, 18.390)
    [(0, 0.0, 3.689), (5, 1.623, 11.668), (10, 4.795, 18.390)],
)
def test_poisson_interval_matches_the_table(count, low, high):
    assert poisson_rate(count, 1.0) == pytest.approx((low, high), abs=2e-3)


def test_no_exposure_says_nothing():
    assert poisson_rate(0, 0.0) == (0.0, float("inf"))


def test_alarms_that_one_place_repeats_say_less_than_those_of_many():
    many = rate_over_places([2] * 10, [1.0] * 10)
    one = rate_over_places([20, *[0] * 9], [1.0] * 10)
    assert many == pytest.approx(poisson_rate(20, 10.0))
    assert one[0] == 0
    assert one[1] > 1.5 * many[1]


def test_without_alarms_places_say_no_more_than_their_days():
    assert rate_over_places([0] * 10, [1.0] * 10) == poisson_rate(0, 10.0)
    assert rate_over_places([3], [2.0]) == poisson_rate(3, 2.0)
    assert rate_over_places([], []) == (0.0, float("inf"))


def test_wilson_matches_a_known_value():
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-3)
    assert wilson(0, 0) == (0.0, 1.0)


def test_sign_test():
    assert lost_more_than_won(5, 0) == pytest.approx(0.5**5)
    assert lost_more_than_won(0, 0) == 1.0


def test_rate_test_knows_exposure():
    assert rate_grew((2, 1.0), (20, 1.0)) < 0.001
    assert rate_grew((2, 1.0), (20, 10.0)) > 0.05


def result(found, false_alarms=0, delay=5.0, kind="garbage", clip="c", due=30.0):
    """A run over one clip of one type."""
    rows = [
        {
            "clip": clip,
            "incident": str(i),
            "type": kind,
            "found": f,
            "due_s": due,
            "delay_s": delay + i * 0.1 if f else None,
        }
        for i, f in enumerate(found)
    ]
    counts = {"false_alarms": false_alarms, "duplicates": 0}
    return {
        "incidents": rows,
        "clips": [{"clip": clip, "sha256": "0", "watched_s": 86_400.0, "types": {kind: counts}}],
    }


def together(*results):
    """One run over the clips of several."""
    return {key: [row for r in results for row in r[key]] for key in ("incidents", "clips")}


def worse(old, new):
    return [r.what for r in compare(old, new)]


def test_same_run_is_no_regression():
    assert compare(result([True] * 20), result([True] * 20)) == []


def test_one_lost_incident_is_noise():
    assert compare(result([True] * 20), result([False] + [True] * 19)) == []


def test_many_lost_incidents_are_a_regression():
    found = compare(result([True] * 20), result([False] * 6 + [True] * 14))
    assert [r.what for r in found] == ["recall"]
    assert "recall: 1 -> 0.7" in str(found[0])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ([True] * 4, [False] * 4, True),
        ([True, True, False], [False, False, False], True),
        ([True, True, False], [False, False, True], False),
        ([True], [False], False),
    ],
)
def test_a_type_that_goes_blind_is_a_regression_however_small(old, new, told):
    blind = ["recall, all that was found is lost"]
    assert worse(result(old), result(new)) == (blind if told else [])


def test_more_false_alarms_are_a_regression():
    assert worse(result([True]), result([True], false_alarms=12)) == ["false_alarms"]


def test_slower_is_a_regression():
    assert worse(result([True] * 12), result([True] * 12, delay=15.0)) == ["median delay in s"]
    other_truth = result([True] * 12, delay=15.0, due=20.0)
    assert worse(result([True] * 12), other_truth) == []


def test_a_type_that_collapses_is_not_averaged_away():
    old = together(result([True] * 8), result([False] * 8, kind="crowding", clip="d"))
    new = together(result([False] * 8), result([True] * 8, kind="crowding", clip="d"))
    assert worse(old, new) == ["recall of garbage"]


def test_false_alarms_of_one_type_are_not_averaged_away():
    old = together(result([True], 2), result([True], 40, kind="crowding", clip="d"))
    new = together(result([True], 14), result([True], 28, kind="crowding", clip="d"))
    assert worse(old, new) == ["false_alarms of garbage"]


def test_a_clip_that_was_drawn_anew_is_another():
    old, new = result([True] * 20), result([False] * 20)
    new["clips"][0]["sha256"] = "drawn anew"
    assert worse(old, new) == []


@pytest.mark.parametrize("swap", [False, True])
def test_only_clips_of_both_runs_are_compared(swap):
    small, large = result([True]), together(result([True]), result([True], 50, clip="d"))
    assert worse(*((large, small) if swap else (small, large))) == []


def quiet(*days: dict[str, int], place: str = "mall", watched_s: float = 86_400.0) -> dict:
    """A run over quiet days, of each how often what was raised."""
    return {
        "by_day": {
            f"day-{n}": {"place": place, "watched_s": watched_s, "by_type": raised}
            for n, raised in enumerate(days)
        }
    }


BEFORE = quiet({"garbage": 6, "street_vending": 3}, {"garbage": 4})


@pytest.mark.parametrize(
    ("now", "told"),
    [
        pytest.param(quiet({"garbage": 8}, {"garbage": 4, "crowding": 2}), [], id="noise"),
        pytest.param(quiet({"garbage": 5}, {}, {"garbage": 50}), [], id="another-day-more"),
        pytest.param(quiet({"street_vending": 12}, {}), [" of street_vending"], id="one-type"),
        pytest.param(quiet({"garbage": 15}, {"garbage": 15}), ["", " of garbage"], id="all"),
    ],
)
def test_quiet_days_that_raise_more_are_told(now, told):
    found = compare_quiet(BEFORE, now)
    assert [r.what for r in found] == [f"false alarms per quiet day{suffix}" for suffix in told]


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(quiet({"garbage": 6}, place="lawn"), id="elsewhere"),
        pytest.param(quiet({"garbage": 6}, watched_s=7_200.0), id="shorter"),
    ],
)
def test_other_quiet_days_cannot_be_compared(now):
    with pytest.raises(BenchError, match="at least one whole day"):
        compare_quiet(BEFORE, now)
