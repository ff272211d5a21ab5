"""Incidents found by each variant: what it sees of rendered scenarios, by the patrol's rules.

Peers have no rules for incidents; what is compared is what each one's own code sees
(`bench.speed.peer_sight`), with new and still things and rules as the patrol has them. One scene
of each type is drawn at 25 pictures a second, so that every variant sees it at its own pace; the
others at 2, where a variant that wants more gets no more. Figures of the first are apart, too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.detector_speed_peers import ultralytics_model
from bench.incidents.footage import TrueClip, clips_in
from bench.incidents.matching import MatchRule, match
from bench.incidents.patrol import PatrolOptions, patrol
from bench.incidents.sight import CachedSight, Sight
from bench.speed.peer_sight import Frigate, Peer, PeerSight, Predict, Track
from bench.speed.variants import STREAM_PACE, Variant
from models.detector import Detector
from models.load import load_crowd_counter, load_detector
from models.settings import CrowdSettings, DetectorSettings
from pipeline.engine.counting import CrowdCounting
from sample_videos.suite import SUITE_FPS, render_suite, suite_scenarios

_PEERS: dict[str, Callable[[Any, dict[str, Any]], Peer]] = {"predict": Predict, "track": Track}


def recall_by_variant(
    weights: str, out: Path, variants: Sequence[Variant], say: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """What each variant finds, by its name.

    Returns:
        "found", "incidents" and "false_alarms"; "found_dense" and "incidents_dense" of the clips
        at 25 pictures a second; "lost": incidents that are found where the patrol sees every
        frame, and not by this variant, as "clip/incident".
    """
    settings = DetectorSettings(weights=weights)
    counter = CrowdCounting(lambda: load_crowd_counter(settings, CrowdSettings()))
    clips = _clips(out / "clips")
    with ExitStack() as stack:
        detector = load_detector(settings)
        stack.callback(detector.close)
        own = CachedSight(detector, out / "sight", counter)
        stack.callback(own.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="skygrid-recall-")))

        def sight_of(variant: Variant) -> Sight:
            if variant.sees == "patrol":
                return own
            return PeerSight(_peer(variant.sees, detector, settings, folder), detector, counter)

        full, _ = _found(clips, own, STREAM_PACE)
        rows = {}
        for variant in variants:
            say(f"what is found: {variant.name}")
            rows[variant.name] = _row(clips, sight_of(variant), variant.recall, full)
        return rows


def _peer(name: str, detector: Detector, settings: DetectorSettings, folder: Path) -> Peer:
    if name == "frigate":
        return Frigate(detector)
    files = folder / name
    files.mkdir()
    return _PEERS[name](*ultralytics_model(settings, files))


def _clips(folder: Path) -> list[TrueClip]:
    dense = [s for s in suite_scenarios() if s.fps > SUITE_FPS and s.name.startswith("demo-")]
    scenarios = {s.name: s for s in (*suite_scenarios(matrix=False), *dense)}
    made = {clip.clip for clip in render_suite(folder, list(scenarios.values()))}
    return [clip for clip in clips_in(folder, folder) if clip.path in made]


def _row(
    clips: Sequence[TrueClip], sight: Sight, options: PatrolOptions, full: set[str]
) -> dict[str, Any]:
    found, wrong = _found(clips, sight, options)
    dense = [clip for clip in clips if clip.truth.clip.fps > SUITE_FPS]
    names = {clip.clip_id for clip in dense}
    return {
        "found": len(found),
        "incidents": _incidents(clips),
        "found_dense": sum(incident.partition("/")[0] in names for incident in found),
        "incidents_dense": _incidents(dense),
        "false_alarms": wrong,
        "lost": sorted(full - found),
    }


def _incidents(clips: Sequence[TrueClip]) -> int:
    return sum(incident.certain for clip in clips for incident in clip.truth.incidents)


def _found(clips: Sequence[TrueClip], sight: Sight, options: PatrolOptions) -> tuple[set[str], int]:
    """Names of the incidents that are found, and how many alarms are wrong."""
    found, wrong = set(), 0
    for clip in clips:
        matched = match(clip.truth, patrol(clip, sight, options).alarms, MatchRule())
        found |= {f"{clip.clip_id}/{pair.incident.id}" for pair in matched.pairs}
        wrong += len(matched.false_alarms)
    return found, wrong
