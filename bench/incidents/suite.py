"""The whole incident benchmark: patrol and baselines over all clips, scores, sweep, results."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from bench.incidents.alarms import Alarm
from bench.incidents.baselines import BASELINES, CLASSES
from bench.incidents.commit import commit
from bench.incidents.footage import TrueClip, check_bytes
from bench.incidents.matching import MatchRule, cover, match
from bench.incidents.patrol import Pace, Patrolled, PatrolOptions, Seen, judge_again, patrol
from bench.incidents.results import BenchResult, Problem, Table, save
from bench.incidents.scores import ALL, Outcome, score
from bench.incidents.sight import Sight
from bench.incidents.sweep import choose, sweep
from bench.machine import machine
from sample_videos.truth import Clip, TruthIncident

PACES = (Pace(), Pace(25.0), Pace(5.0), Pace(1.0), Pace(0.5))
Progress = Callable[[str, int, int], None]
_SAME_FPS = 0.1
"""24.95 pictures a second are 25."""


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """What to measure.

    Attributes:
        paces: Ways to look at the clips; the first is the one that is compared and reported.
        sweep: Also judge what the patrol saw at other confirmation thresholds.
        baselines: Also score what other systems would raise.
        overrides: Rule settings by incident type, laid over the clips' own.
        least_confidence: Detections below are dropped.
        rule: Tolerances of matching.
    """

    paces: tuple[Pace, ...] = PACES
    sweep: bool = True
    baselines: bool = True
    overrides: dict[str, dict[str, object]] = field(default_factory=dict)
    least_confidence: float = 0.0
    rule: MatchRule = field(default_factory=MatchRule)


def run(clips: Sequence[TrueClip], sight: Sight, out: Path, options: BenchOptions | None = None,
        progress: Progress | None = None) -> BenchResult:  # fmt: skip
    """Measure a detector and the patrol's decisions on clips with truth.

    Writes `results.json`, `report.md` and `report.html` into `out`.

    Args:
        clips: See `footage.clips_in`.
        sight: See `sight.CachedSight`.
        out: Folder for the results; made if missing.
        options: What to measure.
        progress: Called with what is done, step, number of steps.

    Raises:
        BenchError: a clip is not the one its truth is about.
    """
    options = options or BenchOptions()
    for clip in clips:
        check_bytes(clip)
    work = _Work(clips, sight, options, progress)
    result = work.measure()
    sight.close()
    save(result, out)
    return result


class _Work:
    """The loops of one run."""

    def __init__(self, clips: Sequence[TrueClip], sight: Sight, options: BenchOptions,
                 progress: Progress | None) -> None:  # fmt: skip
        self._clips, self._sight, self._options, self._progress = clips, sight, options, progress
        self._dense = dense_clips(clips, options.paces)
        self._steps = len(clips) + len(self._dense) * (len(options.paces) - 1)
        self._step = 0

    def measure(self) -> BenchResult:
        first, *others = self._options.paces
        runs = {clip.clip_id: self._patrol(clip, self._at(first)) for clip in self._clips}
        outcomes = [self._outcome(c, runs[c.clip_id].alarms, runs[c.clip_id]) for c in self._clips]
        groups = sorted({c.origin for c in self._clips})
        points = sweep(lambda o: self._again(runs, o)) if self._options.sweep else []
        dense = {clip.clip_id for clip in self._dense}
        by_pace: dict[str, Table] = {first.name: score([o for o in outcomes if o.clip in dense])}
        baselines = {first.name: _by_name([self._rivals(c, runs[c.clip_id]) for c in self._clips])}
        for pace in others:
            by_pace[pace.name], baselines[pace.name] = self._paced(pace)
        return BenchResult(
            about=_about(self._sight.model_id, self._clips),
            scores=score(outcomes),
            by_origin={
                g: score([o for c, o in zip(self._clips, outcomes, strict=True) if c.origin == g])
                for g in groups
            },
            by_pace=by_pace,
            paced=[clip.clip_id for clip in self._dense],
            baselines=baselines if self._options.baselines else {},
            sweep=points,
            chosen=choose(points) if points else {},
            clips=[clip_row(c, o) for c, o in zip(self._clips, outcomes, strict=True)],
            incidents=[row for o in outcomes for row in incident_rows(o)],
            problems=[
                p
                for c, o in zip(self._clips, outcomes, strict=True)
                for p in problems(c, o, runs[c.clip_id].seen, self._sight.labels)
            ],
        )

    def _at(
        self, pace: Pace, overrides: dict[str, dict[str, object]] | None = None
    ) -> PatrolOptions:
        merged = {k: dict(v) for k, v in self._options.overrides.items()}
        for kind, values in (overrides or {}).items():
            merged.setdefault(kind, {}).update(values)
        return PatrolOptions(pace, merged, self._options.least_confidence)

    def _patrol(self, clip: TrueClip, options: PatrolOptions) -> Patrolled:
        self._step += 1
        if self._progress is not None:
            self._progress(f"{clip.clip_id}, {options.pace.name}", self._step, self._steps)
        return patrol(clip, self._sight, options)

    def _outcome(self, clip: TrueClip, alarms: Sequence[Alarm], run: Patrolled | None) -> Outcome:
        types = frozenset(t for zone in clip.truth.zones for t in zone.rules)
        first, last = clip.truth.clip.usable_s or (0.0, clip.truth.clip.duration_s)
        found = match(clip.truth, alarms, self._options.rule)
        cost = _cost_of(last - first, clip.truth.clip, run) if run else (None, None)
        return Outcome(clip.clip_id, found, last - first, types, *cost)

    def _paced(self, pace: Pace) -> tuple[Table, dict[str, Table]]:
        """The patrol's figures at a pace, and those of the baselines on what was seen at it."""
        outcomes, rivals = [], []
        for clip in self._dense:
            done = self._patrol(clip, self._at(pace))
            outcomes.append(self._outcome(clip, done.alarms, done))
            rivals.append(self._rivals(clip, done))
        return score(outcomes), _by_name(rivals)

    def _rivals(self, clip: TrueClip, run: Patrolled) -> dict[str, Outcome]:
        if not self._options.baselines:
            return {}
        return {
            name: self._outcome(clip, baseline(clip, run.seen, self._sight.labels), None)
            for name, baseline in BASELINES.items()
        }

    def _again(
        self, runs: dict[str, Patrolled], overrides: dict[str, dict[str, object]]
    ) -> list[Outcome]:
        options = self._at(self._options.paces[0], overrides)
        return [
            self._outcome(c, judge_again(c, self._sight, runs[c.clip_id].seen, options), None)
            for c in self._clips
        ]


def dense_clips(clips: Sequence[TrueClip], paces: Sequence[Pace]) -> list[TrueClip]:
    """Clips that have as many pictures as the densest pace looks at, or else paces would differ in
    name alone; all of them where no pace is fixed."""
    densest = max((pace.fps or 0.0 for pace in paces), default=0.0)
    return [clip for clip in clips if clip.truth.clip.fps > densest - _SAME_FPS]


def _by_name(clips: Sequence[Mapping[str, Outcome]]) -> dict[str, Table]:
    names = clips[0] if clips else ()
    return {name: score([outcomes[name] for outcomes in clips]) for name in names}


def _cost_of(annotated_s: float, about: Clip, run: Patrolled) -> tuple[float, float]:
    """CPU seconds, and of them decoding, of the annotated part; a held picture is not decoded."""
    shown_s = about.frames / about.fps
    decode_s = min(1.0, annotated_s / shown_s) * run.decode_s
    return annotated_s / about.duration_s * (run.cpu_s - run.decode_s) + decode_s, decode_s


def clip_row(clip: TrueClip, outcome: Outcome) -> dict[str, Any]:
    """What was counted in one clip by type, so that runs can be compared on clips they share."""
    counted = ("incidents", "found", "duplicates", "false_alarms")
    return {
        "clip": outcome.clip,
        "sha256": clip.sha256,
        "watched_s": outcome.watched_s,
        "types": {
            kind: {name: getattr(figures, name) for name in counted}
            for kind, figures in score([outcome]).items()
            if kind != ALL
        },
    }


def incident_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """One row per certain incident: found or not, and how late."""
    rows = [
        {"clip": outcome.clip, "incident": p.incident.id, "type": p.incident.type, "found": True,
         "due_s": p.incident.due_s, "delay_s": p.delay_s, "end_error_s": p.end_error_s}
        for p in outcome.matching.pairs
    ]  # fmt: skip
    return rows + [
        {"clip": outcome.clip, "incident": i.id, "type": i.type, "found": False,
         "due_s": i.due_s, "delay_s": None, "end_error_s": None}
        for i in outcome.matching.missed
    ]  # fmt: skip


def problems(
    clip: TrueClip, outcome: Outcome, seen: Sequence[Seen], labels: tuple[str, ...]
) -> list[Problem]:
    """Every missed, wrong and doubled incident, with the moment to look at.

    Args:
        clip: The clip.
        outcome: What matching said.
        seen: What the patrol saw: of a missed incident it tells detection from decision.
        labels: Class names by class id.
    """
    out = []
    for incident in outcome.matching.missed:
        told = "merged into another alarm; " if incident.id in outcome.matching.merged else ""
        note = f"{told}{_sight_of(incident, clip, seen, labels)}; {incident.note}".rstrip("; ")
        at_s = min(incident.due_s, clip.truth.clip.duration_s - 0.2)
        out.append(Problem("missed", clip, incident.type, at_s, incident.box_norm, note))
    for alarm, incident_id in outcome.matching.duplicates:
        out.append(
            Problem(
                "doubled", clip, alarm.type, alarm.raised_s, alarm.box_norm, f"of {incident_id}"
            )
        )
    for wrong in outcome.matching.false_alarms:
        alarm = wrong.alarm
        out.append(
            Problem(
                "wrong", clip, alarm.type, alarm.raised_s, alarm.box_norm, wrong.near_miss or ""
            )
        )
    return out


def _sight_of(
    incident: TruthIncident, clip: TrueClip, seen: Sequence[Seen], labels: tuple[str, ...]
) -> str:
    """In how many pictures of an incident the detector saw one of its classes there."""
    wanted = [labels.index(name) for name in CLASSES[incident.type] if name in labels]
    end_s = incident.end_s or clip.truth.clip.duration_s
    during = [m for m in seen if incident.begin_s <= m.t_s <= end_s]
    best = []
    for moment in during:
        found = moment.detections.where(np.isin(moment.detections.class_id, wanted))
        boxes = found.xyxy / np.tile(np.array(moment.size, np.float32), 2)
        near = [
            float(c) for b, c in zip(boxes, found.confidence, strict=True)
            if cover(incident.box_norm, (float(b[0]), float(b[1]), float(b[2]), float(b[3]))) > 0.3
        ]  # fmt: skip
        best += [max(near)] if near else []
    shown = f", at best {max(best):.2f}" if best else ""
    return f"detected in {len(best)} of {len(during)} pictures{shown}"


def _about(model_id: str, clips: Sequence[TrueClip]) -> dict[str, Any]:
    versions = {}
    for name in ("skygrid", "openvino", "av", "numpy", "opencv-python"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": model_id,
        "commit": commit(),
        "machine": machine(),
        "python": platform.python_version(),
        "versions": versions,
        "clips": [
            {"clip": c.clip_id, "origin": c.origin, "seconds": c.truth.clip.duration_s,
             "incidents": sum(i.certain for i in c.truth.incidents)}
            for c in clips
        ],
    }  # fmt: skip
