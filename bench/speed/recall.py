"""Incidents found at each variant's pace: the patrol's rules on the committed clips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.incidents.footage import clips_in
from bench.incidents.matching import MatchRule, match
from bench.incidents.patrol import Pace, PatrolOptions, patrol
from bench.incidents.sight import CachedSight
from models.load import load_detector
from models.settings import DetectorSettings
from sample_videos.catalogue import CLIPS

PACES: tuple[float | None, ...] = (None, 25.0, 5.0, 0.5)


def recall_by_pace(weights: str, out: Path) -> dict[str, dict[str, Any]]:
    """Found, all and false alarms by pace, named as `Variant.pace` prints."""
    detector = load_detector(DetectorSettings(weights=weights))
    sight = CachedSight(detector, out / "sight")
    clips = clips_in(CLIPS, CLIPS)
    answer = {}
    for pace in PACES:
        found = total = wrong = 0
        for clip in clips:
            alarms = patrol(clip, sight, PatrolOptions(Pace(pace))).alarms
            matched = match(clip.truth, alarms, MatchRule())
            found += len(matched.pairs)
            total += len(matched.pairs) + len(matched.missed)
            wrong += len(matched.false_alarms)
        answer[str(pace)] = {"found": found, "incidents": total, "false_alarms": wrong}
    sight.close()
    detector.close()
    return answer
