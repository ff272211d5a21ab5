"""What a patrol raised in one clip, as scoring sees it; the same for the patrol and baselines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from pipeline.types import Phase, Sighting

BoxNorm = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Alarm:
    """One incident that was raised to people.

    Attributes:
        alarm_id: Unique in the clip.
        type: Incident type.
        raised_s: Second of the clip at which people were told.
        started_s: Second from which the system says it holds.
        ended_s: Second at which the system says it was over, None while open.
        box_norm: Place in the view, 0..1.
        confidence: 0..1.
        zone: Zone, None if the system knows none.
        reopens: The alarm in whose entry it is told, None if it has one of its own.
    """

    alarm_id: str
    type: str
    raised_s: float
    started_s: float
    ended_s: float | None
    box_norm: BoxNorm
    confidence: float = 1.0
    zone: str | None = None
    reopens: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


def alarms_of(sightings: Iterable[Sighting], clip_start_s: float = 0.0) -> list[Alarm]:
    """Folds the messages of a patrol (start, updates, end) into one alarm per opening.

    A sighting that ends and begins again is told of again, in the same entry: that is an alarm of
    its own, which `reopens` the first.

    Args:
        sightings: All messages of one clip, in order.
        clip_start_s: Media time of the clip's first picture; it is also its Unix time.
    """
    alarms: dict[str, list[Alarm]] = {}
    for sighting in sightings:
        key = str(sighting.sighting_id)
        told = alarms.setdefault(key, [])
        over = sighting.ended_at if sighting.phase is Phase.ENDED else None
        ended = over.timestamp() - clip_start_s if over is not None else None
        if not told or (told[-1].ended_s is not None and ended is None):
            raised_s = sighting.timestamp_s - clip_start_s
            told.append(
                Alarm(
                    f"{key}#{len(told)}" if told else key,
                    sighting.type,
                    raised_s,
                    raised_s if told else sighting.started_s - clip_start_s,
                    ended,
                    sighting.xyxy_norm,
                    sighting.confidence,
                    sighting.zone_id,
                    reopens=key if told else None,
                )
            )
            continue
        known = told[-1]
        told[-1] = replace(
            known,
            ended_s=ended,
            box_norm=_union(known.box_norm, sighting.xyxy_norm),
            confidence=max(known.confidence, sighting.confidence),
        )
    return [alarm for told in alarms.values() for alarm in told]


def _union(a: BoxNorm, b: BoxNorm) -> BoxNorm:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
