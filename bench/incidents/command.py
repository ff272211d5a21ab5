"""The incident benchmark as one call: which clips, which weight, against which earlier run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.incidents.compare import Regression, compare
from bench.incidents.errors import BenchError
from bench.incidents.footage import TrueClip, clips_in, held_to_the_end
from bench.incidents.patrol import Pace
from bench.incidents.quiet import QuietOptions, Watcher, run_quiet
from bench.incidents.results import BenchResult
from bench.incidents.sight import CachedSight, Sight, TruthSight
from bench.incidents.suite import PACES, BenchOptions, run
from models.load import load_crowd_counter, load_detector
from models.settings import CrowdSettings, DetectorSettings
from pipeline.engine.counting import CrowdCounting
from sample_videos.catalogue import CLIPS, TRUTH
from sample_videos.composites import composites
from sample_videos.pictures import Pictures
from sample_videos.quiet import FORM
from sample_videos.suite import in_conditions, render_suite, suite_scenarios

Progress = Callable[[str, int, int], None]
_TIMEOUT_S = 300.0
PERFECT = "truth"
"""Instead of a weight: the truth's own boxes, to measure decisions apart from detection."""


@dataclass(frozen=True, slots=True)
class IncidentBench:
    """What `skygrid bench incidents` was asked for.

    Attributes:
        out: Folder for results; rendered clips and detections are kept below it.
        weights: Name or directory of a weight, or "truth".
        density: Weight of kind density that counts crowds; None counts boxes.
        small: Only the committed clips, at the patrol's own pace, no sweep.
        real: Only the real clips.
        only: Only clips and scenarios whose name begins with one of these; empty: all.
        quick: At the patrol's own pace only, and without the matrix of conditions.
        footage: Folder of real clips; None leaves them out.
        data: Folder of annotated pictures, for composites and quiet days; None leaves them out.
        quiet_days: Simulated camera-days without incidents.
        glance_s: Seconds between the glances of a quiet day.
        against: `results.json` of an earlier run.
    """

    out: Path
    weights: str = "patrol11n"
    density: str | None = None
    small: bool = False
    real: bool = False
    only: tuple[str, ...] = ()
    quick: bool = False
    footage: Path | None = None
    data: Path | None = None
    quiet_days: int = 0
    glance_s: float = 10.0
    against: Path | None = None


def bench_incidents(
    wanted: IncidentBench, progress: Progress | None = None
) -> tuple[BenchResult, list[Regression]]:
    """Render what is missing, run everything, write the reports, compare.

    Returns:
        The result, and what became worse beyond noise since `against` (empty without it).

    Raises:
        BenchError: the earlier run cannot be read or has other clips, or no clip is there.
        models.errors.ModelError: the weight cannot be used.
    """
    before = _earlier(wanted.against)
    clips = _clips(wanted, progress)
    if not clips:
        raise BenchError("there must be at least one clip with its truth, found none")
    if before is not None:
        known = {(row["clip"], row["sha256"]) for row in before["clips"]}
        if not any((clip.clip_id, clip.sha256) in known for clip in clips):
            raise BenchError("earlier run must share at least one clip with this one, found none")
    sight = _sight(wanted)
    paces: tuple[Pace, ...] = PACES[:1] if wanted.small or wanted.quick else PACES
    options = BenchOptions(paces=paces, sweep=not wanted.small)
    if wanted.quiet_days and wanted.weights != PERFECT:  # first: the report shows them
        bench_quiet(wanted, QuietOptions(wanted.quiet_days, wanted.glance_s), progress)
    result = run(clips, sight, wanted.out, options, progress)
    worse = compare(before, result.to_json()) if before is not None else []
    return result, worse


def bench_quiet(
    wanted: IncidentBench, options: QuietOptions, progress: Progress | None = None
) -> dict[str, Any]:
    """Quiet days alone; see `quiet.run_quiet`.

    Raises:
        models.errors.ModelError: the weight cannot be used.
        sample_videos.errors.SampleError: no place to watch.
    """
    wanted.out.mkdir(parents=True, exist_ok=True)
    detector = load_detector(_settings(wanted))
    try:
        watcher = Watcher(detector, _counter(wanted), wanted.density or "boxes")
        return run_quiet(watcher, (wanted.data, wanted.footage), wanted.out, options, progress)
    finally:
        detector.close()


def earlier_quiet(path: Path, glance_s: float) -> dict[str, Any]:
    """The `quiet.json` of an earlier run, of days that can be compared with those of today.

    Raises:
        BenchError: it cannot be read, or its days show something else.
    """
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        form, glances = stored.get("form"), stored.get("glance_s")
    except (OSError, ValueError, AttributeError) as error:
        raise BenchError(f"earlier run {path.name} cannot be read: {error}") from error
    if (form, glances) != (FORM, glance_s) or "by_day" not in stored:
        raise BenchError(
            f"earlier run {path.name} must be of days of form {FORM} at glances of {glance_s:g} s, "
            f"got form {form} and {glances} s"
        )
    return stored


def _earlier(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchError(f"earlier run {path.name} cannot be read: {error}") from error
    rows = stored.get("clips", [{}])
    dated = all("due_s" in row for row in stored.get("incidents", ()))
    if "incidents" not in stored or not dated or not all("sha256" in row for row in rows):
        raise BenchError(
            f"earlier run {path.name} must be a results.json of this benchmark with counts and "
            "hash of each clip; run it once more if it is older than those"
        )
    return stored


def _clips(wanted: IncidentBench, progress: Progress | None) -> list[TrueClip]:
    if wanted.small:
        return [held_to_the_end(clip) for clip in clips_in(CLIPS, CLIPS)]
    real = clips_in(TRUTH, wanted.footage) if wanted.footage is not None else []
    real = [clip for clip in real if _is_wanted(clip.clip_id, wanted)]
    if wanted.real:
        return real
    rendered = wanted.out / "clips"
    scenarios = suite_scenarios(matrix=not wanted.quick)
    pictures = None
    if wanted.data is not None:
        roots = (wanted.data, *([wanted.footage] if wanted.footage else []))
        pictures = Pictures(*roots)
        real_things = composites(wanted.data, wanted.footage is not None, few=wanted.quick)
        scenarios += real_things if wanted.quick else real_things + in_conditions(real_things)
    scenarios = [s for s in scenarios if _is_wanted(s.name, wanted)]
    made = {made.clip for made in render_suite(rendered, scenarios, pictures, progress)}
    drawn = [clip for clip in clips_in(rendered, rendered) if clip.path in made]
    return [held_to_the_end(clip) for clip in drawn] + real


def _is_wanted(name: str, wanted: IncidentBench) -> bool:
    return not wanted.only or name.startswith(wanted.only)


def _settings(wanted: IncidentBench) -> DetectorSettings:
    return DetectorSettings(weights=wanted.weights, timeout_s=_TIMEOUT_S)


def _sight(wanted: IncidentBench) -> Sight:
    if wanted.weights == PERFECT:
        return TruthSight()
    detector = load_detector(_settings(wanted))
    return CachedSight(detector, wanted.out / "detections", _counter(wanted))


def _counter(wanted: IncidentBench) -> CrowdCounting:
    """How the patrol counts crowds."""
    crowd = CrowdSettings(density_weights=wanted.density)
    return CrowdCounting(lambda: load_crowd_counter(_settings(wanted), crowd))
