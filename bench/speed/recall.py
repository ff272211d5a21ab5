"""Incidents found by each variant's way of looking: the patrol's rules on rendered scenarios.

One scene of each type is drawn at 25 pictures a second, so that decoding every frame has frames to
decode; the others at 2. Nobody is held to fewer pictures than the clip has.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.incidents.footage import TrueClip, clips_in
from bench.incidents.matching import MatchRule, match
from bench.incidents.patrol import PatrolOptions, patrol
from bench.incidents.sight import CachedSight, Sight
from bench.speed.variants import FULL_DECODE, Variant
from models.load import load_crowd_counter, load_detector
from models.settings import CrowdSettings, DetectorSettings
from pipeline.engine.counting import CrowdCounting
from sample_videos.suite import SUITE_FPS, render_suite, suite_scenarios


def recall_by_variant(
    weights: str, out: Path, variants: Sequence[Variant]
) -> dict[str, dict[str, Any]]:
    """What each variant finds, by its name.

    Returns:
        "found", "incidents" and "false_alarms"; "lost": incidents that are found where every
        frame is decoded, and not by this variant, as "clip/incident".
    """
    settings = DetectorSettings(weights=weights)
    counter = CrowdCounting(lambda: load_crowd_counter(settings, CrowdSettings()))
    clips = _clips(out / "clips")
    detector = load_detector(settings)
    sight = CachedSight(detector, out / "sight", counter)
    try:
        full, _ = _found(clips, sight, FULL_DECODE.recall)
        return {v.name: _row(clips, sight, v.recall, full) for v in variants}
    finally:
        sight.close()
        detector.close()


def _clips(folder: Path) -> list[TrueClip]:
    dense = [s for s in suite_scenarios() if s.fps > SUITE_FPS]
    scenarios = {s.name: s for s in (*suite_scenarios(matrix=False), *dense)}
    made = {clip.clip for clip in render_suite(folder, list(scenarios.values()))}
    return [clip for clip in clips_in(folder, folder) if clip.path in made]


def _row(
    clips: Sequence[TrueClip], sight: Sight, options: PatrolOptions, full: set[str]
) -> dict[str, Any]:
    found, wrong = _found(clips, sight, options)
    return {
        "found": len(found),
        "incidents": sum(i.certain for c in clips for i in c.truth.incidents),
        "false_alarms": wrong,
        "lost": sorted(full - found),
    }


def _found(clips: Sequence[TrueClip], sight: Sight, options: PatrolOptions) -> tuple[set[str], int]:
    """Names of the incidents that are found, and how many alarms are wrong."""
    found, wrong = set(), 0
    for clip in clips:
        matched = match(clip.truth, patrol(clip, sight, options).alarms, MatchRule())
        found |= {f"{clip.clip_id}/{pair.incident.id}" for pair in matched.pairs}
        wrong += len(matched.false_alarms)
    return found, wrong
