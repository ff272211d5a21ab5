"""Thresholds are chosen on one half of the clips and reported on the other."""

from __future__ import annotations

import pytest

from bench.incidents.alarms import Alarm
from bench.incidents.matching import match
from bench.incidents.scores import Outcome
from bench.incidents.sweep import OPEN_AT, choose, half_of, in_force, sweep
from sample_videos.catalogue import TRUTH
from sample_videos.suite import suite_scenarios
from sample_videos.truth import Truth

BOX = (0.4, 0.4, 0.6, 0.6)


def truth(incidents: int) -> Truth:
    return Truth.model_validate(
        {
            "clip": {
                "file": "a.mp4",
                "fps": 10,
                "frames": 1000,
                "size": [100, 100],
                "start": "2026-03-02T09:00:00+08:00",
            },
            "origin": "annotated",
            "incidents": [
                {"id": f"i{n}", "type": "garbage", "begin_s": 10 + 40 * n, "box_norm": BOX}
                for n in range(incidents)
            ],
        }
    )


def outcome(clip: str, true: Truth, raised: list[float]) -> Outcome:
    alarms = [Alarm(f"a{t}", "garbage", t, t, t + 1, BOX) for t in raised]
    return Outcome(clip, match(true, alarms), 100.0, frozenset({"garbage"}))


@pytest.mark.parametrize(
    ("clip", "half"),
    [
        pytest.param("demo-bin", "choose", id="named"),
        pytest.param("demo-bin-night", "choose", id="variant of a named one"),
        pytest.param("demo-bin-rain", "report", id="the longer name decides"),
        pytest.param("three-cameras-eagle", "report", id="camera of a scene"),
        pytest.param("never-heard-of", "report", id="unknown"),
        pytest.param("demo-binary", "report", id="same letters, other word"),
    ],
)
def test_half_of_a_clip(clip, half):
    assert half_of(clip) == half


def test_both_halves_have_scenes_and_real_clips():
    scenes = {half_of(s.name) for s in suite_scenarios()}
    real = {half_of(p.name.removesuffix(".truth.json")) for p in TRUTH.glob("*.truth.json")}
    assert scenes == real == {"choose", "report"}


def test_threshold_comes_from_one_half_and_figures_from_the_other():
    """From 0.75 on the choosing half is best; the other half pays with a missed incident."""
    quiet, one = truth(0), truth(1)

    def outcomes_at(overrides):
        at = overrides["*"]["open_at"]
        return [
            outcome("demo-bin", one, [12.0]),
            outcome("demo-crowd", quiet, [50.0] if at < 0.74 else []),
            outcome("queue", one, [12.0] if at < 0.74 else []),
        ]

    points = sweep(outcomes_at)
    assert [p.open_at for p in points] == list(OPEN_AT)
    choice = choose(points)["garbage"]
    assert choice.open_at == pytest.approx(0.75)
    assert choice.chosen_on.f1 == 1.0
    assert (choice.reported_on.recall, choice.in_force.recall) == (0.0, 1.0)


def test_equal_thresholds_keep_the_one_in_force():
    points = sweep(lambda _: [outcome(c, truth(1), [12.0]) for c in ("demo-bin", "queue")])
    assert choose(points)["garbage"].open_at == in_force("garbage")
