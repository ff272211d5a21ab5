"""What of a scene is seen now, and what stands in front of what."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from models.detections import FloatArray
from models.sureness import AT_THRESHOLD, at_sureness
from pipeline.boxes import covered
from pipeline.types import Box, Scene, Track

PEOPLE = frozenset({"person"})
CARS = frozenset({"car", "truck_bus"})
VEHICLES = CARS | {"two_wheeler", "tricycle"}
OCCLUDERS = PEOPLE | VEHICLES

BEYOND_DOUBT = 0.6
"""Sureness from which nothing is asked for twice, see `doubted_below`. A dark helmet is taken for a
bare head at 0.4 to 0.6, a blue cap, which enlarged is a helmet, for one at 0.64 to 0.68."""

HIDING_SHARE = 0.35
"""A place with this share of it under somebody's box cannot be called empty."""

FOOT_SLACK = 0.15
"""How much higher (of the place's height) an occluder's foot may be and still stand in front."""


def doubted_below(labels: Sequence[str], thresholds: Mapping[str, float]) -> FloatArray:
    """(C,) confidence below which a box in a doubtful place is asked for twice, by class.

    Never asked for is what hides or explains a claim: enlarged, without what is around it, a van
    is a bin, and would explain nothing any more.

    Args:
        labels: class names by class id.
        thresholds: the card's confidence by label at which an object is there.
    """
    asked = np.array([label not in OCCLUDERS | {"bin"} for label in labels], bool)
    return np.asarray(at_sureness(labels, thresholds, BEYOND_DOUBT) * asked, np.float32)


def seen_now(scene: Scene, labels: Collection[str]) -> list[Track]:
    """Tracks of these labels that were detected in this very picture."""
    return [t for t in scene.tracks if t.label in labels and t.last_seen_s >= scene.timestamp_s]


def is_sure(track: Track) -> bool:
    """At or above the threshold of its class."""
    return track.confidence >= AT_THRESHOLD


def is_hidden(box: Box, scene: Scene, labels: Collection[str] = OCCLUDERS) -> bool:
    """True when somebody or something nearer to the camera covers the place now.

    A doubtful vehicle does, too: a case closed too early costs more than one that stays open.
    """
    return hides(box, (t.xyxy for t in seen_now(scene, labels)))


def hides(box: Box, others: Iterable[Box]) -> bool:
    """True when boxes whose foot is nearer to the camera cover enough of `box`."""
    nearest_foot = box[3] - FOOT_SLACK * (box[3] - box[1])
    return any(covered(box, o) >= HIDING_SHARE and o[3] >= nearest_foot for o in others)
