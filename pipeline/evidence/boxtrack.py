"""The box track: what the player draws over a clip, as JSON beside it, never burnt in.

    {
      "version": 1,
      "view": "gate-3/main",
      "start_s": 1795358400.0,      media time of the clip's first picture
      "size": [1920, 1080],         of the pictures, in pixels
      "zone": {"id": "pavement", "polygon_norm": [[0.1, 0.6], [0.9, 0.6], [0.9, 1.0]]},
      "marks": [{"t_s": 5.0, "name": "confirmed"}],
      "frames": [{"t_s": 0.04, "boxes": [{"xyxy_norm": [0.1, 0.2, 0.3, 0.4],
                                           "label": "stall", "confidence": 0.81}]}]
    }

`t_s` is in seconds from the clip's first picture; coordinates are 0..1 of the full frame.
Frames are in order of time and stand only where something was detected: a player holds the last
one for at most `hold_s`, or interpolates between two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.evidence.errors import EvidenceRefused
from pipeline.types import BoxAt, ViewKey

MEDIA_TYPE = "application/vnd.skygrid.boxes+json"
Fraction = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class TrackBox(_Part):
    """One box of one frame."""

    xyxy_norm: tuple[Fraction, Fraction, Fraction, Fraction]
    label: str
    confidence: Fraction


class TrackFrame(_Part):
    """All boxes of one moment."""

    t_s: float
    boxes: list[TrackBox]


class TrackMark(_Part):
    """A moment worth jumping to."""

    t_s: float
    name: str


class TrackZone(_Part):
    """The zone whose rule claimed it."""

    id: str
    polygon_norm: list[tuple[Fraction, Fraction]]


class BoxTrack(_Part):
    """The whole file."""

    version: Literal[1] = 1
    view: str
    start_s: float
    size: tuple[int, int]
    hold_s: float
    zone: TrackZone | None
    marks: list[TrackMark]
    frames: list[TrackFrame]


@dataclass(frozen=True, slots=True)
class ClipFrame:
    """What a track refers to.

    Attributes:
        view: The view.
        start_s: Media time of the clip's first picture.
        size: (width, height) in pixels.
        zone_id: Zone of the incident.
        polygon_norm: Its corners, 0..1 of the full frame; empty to draw none.
        marks: Media time by name, e.g. {"confirmed": 1795358405.0}.
        hold_s: How long a box stays when no newer frame follows.
    """

    view: ViewKey
    start_s: float
    size: tuple[int, int]
    zone_id: str
    polygon_norm: Sequence[tuple[float, float]] = ()
    marks: Mapping[str, float] = field(default_factory=dict)
    hold_s: float = 1.0


def box_track(clip: ClipFrame, steps: Sequence[BoxAt]) -> bytes:
    """The track file of a clip: UTF-8 JSON."""
    ordered = sorted(steps, key=lambda step: step.timestamp_s)
    frames = [
        TrackFrame(t_s=round(at - clip.start_s, 3), boxes=[_box(step) for step in group])
        for at, group in groupby(ordered, key=lambda step: step.timestamp_s)
    ]
    marks = sorted((at - clip.start_s, name) for name, at in clip.marks.items())
    polygon = [(_unit(x), _unit(y)) for x, y in clip.polygon_norm]
    track = BoxTrack(
        view=str(clip.view),
        start_s=clip.start_s,
        size=clip.size,
        hold_s=clip.hold_s,
        zone=TrackZone(id=clip.zone_id, polygon_norm=polygon) if polygon else None,
        marks=[TrackMark(t_s=round(at, 3), name=name) for at, name in marks],
        frames=frames,
    )
    return track.model_dump_json().encode()


def read_box_track(content: bytes) -> BoxTrack:
    """The track in a file; EvidenceRefused when it is none."""
    try:
        return BoxTrack.model_validate_json(content)
    except ValidationError as error:
        raise EvidenceRefused(f"box track must be valid: {error.error_count()} errors") from error


def _box(step: BoxAt) -> TrackBox:
    left, top, right, bottom = (round(_unit(value), 5) for value in step.xyxy_norm)
    return TrackBox(
        xyxy_norm=(left, top, right, bottom),
        label=step.label,
        confidence=round(_unit(step.confidence), 4),
    )


def _unit(value: float) -> float:
    return min(1.0, max(0.0, float(value)))
