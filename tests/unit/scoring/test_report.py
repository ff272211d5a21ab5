"""The report says on what it was made, marks both thresholds, and leaves nothing out in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.incidents import report
from bench.incidents.alarms import Alarm
from bench.incidents.footage import TrueClip
from bench.incidents.markdown import markdown_report
from bench.incidents.matching import match
from bench.incidents.plots import sweep_figure
from bench.incidents.results import BenchResult, Problem
from bench.incidents.scores import Outcome, score
from bench.incidents.sweep import choose, in_force, sweep
from bench.incidents.tables import sweep_rows
from sample_videos.truth import Truth

BOX = (0.4, 0.4, 0.6, 0.6)
TRUTH = Truth.model_validate(
    {
        "clip": {
            "file": "a.mp4",
            "fps": 10,
            "frames": 1000,
            "size": [100, 100],
            "start": "2026-03-02T09:00:00+08:00",
        },
        "origin": "annotated",
        "incidents": [{"id": "i", "type": "garbage", "begin_s": 10, "box_norm": BOX}],
    }
)
CLIP = TrueClip("clip", Path("a.mp4"), TRUTH, "real")
QUIET_RATE = {
    "camera_days": 10.0,
    "pictures": 86400,
    "in_looks": 60,
    "detected": 900,
    "false_alarms": 1,
    "false_per_day": 0.1,
    "interval": [0.0025, 0.557],
}
QUIET = {"model": "patrol@1", "glance_s": 10.0, "commits": ["abc"], "all": QUIET_RATE,
         "by_kind": {"footage": {**QUIET_RATE, "interval": [0.0, None]}},
         "by_place": {}, "rejected": {"after_s": 600.0, "all": QUIET_RATE}}  # fmt: skip


def outcome(name: str, raised: list[float], cost: tuple[float, float] | None = None) -> Outcome:
    alarms = [Alarm(f"a{t}", "garbage", t, t, t + 1, BOX) for t in raised]
    types = frozenset({"garbage"})
    return Outcome(name, match(TRUTH, alarms), 3600.0, types, *(cost or (None, None)))


def outcomes_at(overrides: dict[str, dict[str, object]]) -> list[Outcome]:
    """The choosing half would be rid of its false alarm at 0.7."""
    at = float(str(overrides["*"]["open_at"]))
    wrong = [] if at >= 0.7 else [1.0]
    return [outcome("demo-bin", [12.0, *wrong]), outcome("queue", [12.0])]


def result(problems: int = 0) -> BenchResult:
    points = sweep(outcomes_at)
    own = score([outcome("demo-bin", [12.0], (90.0, 20.0))])
    dense = score([outcome("demo-bin", [])])
    wrong = Problem("wrong", CLIP, "garbage", 5.0, BOX, "")
    return BenchResult(
        about={
            "model": "patrol@1",
            "commit": "abc+1234",
            "made_at": "now",
            "machine": "A processor (x86_64), 2 cores usable",
            "python": "3.12",
            "versions": {"av": "18"},
            "clips": [{"clip": "clip", "origin": "real", "seconds": 100.0, "incidents": 1}],
        },
        scores=own,
        by_origin={"real": own},
        by_pace={"patrol": own, "25 fps": own},
        paced=["clip"],
        baselines={"patrol": {"zone": own}, "25 fps": {"zone": dense}},
        sweep=points,
        chosen=choose(points),
        clips=[],
        incidents=[],
        problems=[wrong] * problems,
    )


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    monkeypatch.setattr(report, "_thumbnail", lambda _: "<img>")


@pytest.fixture(params=["Markdown", "HTML"])
def written(request):
    """A report in either form."""
    if request.param == "Markdown":
        return markdown_report
    return lambda made, quiet=None: report.html_report(made, Path(), quiet)


def test_machine_versions_and_the_way_cost_is_reckoned_are_said(written):
    text = written(result())
    for said in ("A processor (x86_64), 2 cores usable", "Python 3.12, av 18", "abc+1234"):
        assert said in text
    assert "newest keyframe of every glance" in text
    assert "90 (20)" in text


def test_paces_are_said_to_be_of_the_clips_that_have_so_many_pictures(written):
    assert "By pace, all types, on the 1 clips" in written(result())


def test_baselines_stand_by_pace(written):
    text = written(result())
    assert "Baselines on the detections of pace: patrol" in text
    assert "Baselines on the detections of pace: 25 fps" in text


def test_sweep_marks_the_shipped_and_the_chosen_threshold(written):
    rows = {at: cells for at, *cells in sweep_rows(result())[1:]}
    shipped = min((float(at) for at in rows), key=lambda at: abs(at - in_force("garbage")))
    marked = {mark: [at for at in rows if mark in rows[at][0].split()[-1]] for mark in "SC"}
    assert marked == {"S": [f"{shipped:g}"], "C": ["0.7"]}
    assert "C: chosen on one half" in written(result())


def test_plot_marks_both_points():
    (axes,) = sweep_figure(result()).axes
    marks = [line.get_marker() for line in axes.lines if len(line.get_xdata()) == 1]
    rings = [line for line in axes.lines if line.get_fillstyle() == "none"]
    assert marks.count("*") == 2
    assert [(ring.get_xdata()[0], ring.get_ydata()[0]) for ring in rings] == [(0.0, 1.0)]


@pytest.mark.parametrize(("problems", "said"), [(80, ""), (83, "3 more are left out here")])
def test_pictures_that_are_left_out_are_counted(problems, said):
    page = report.html_report(result(problems), Path())
    assert page.count("<div class='card ") == 80
    assert said in page
    assert ("left out here" in page) == bool(said)
    assert markdown_report(result(problems)).count("- wrong: garbage") == problems


def test_quiet_days_are_in_the_one_report(written):
    text = written(result(), QUIET)
    assert "Quiet days" in text
    assert "patrol@1, a glance every 10 s" in text
    assert "0.0025 to 0.557" in text
    assert "0 to ∞" in text
    assert "Quiet days" not in written(result())
