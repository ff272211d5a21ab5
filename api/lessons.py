"""What a verdict on an incident teaches the detector: labels, and places left open."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.boxes import centre, covered, iou
from pipeline.types import Box

CLAIMED: Mapping[str, tuple[str, ...]] = {
    "street_vending": ("stall", "parasol", "tricycle"),
    "garbage": ("garbage",),
    "overflowing_bin": ("overflowing_bin",),
    "missing_helmet": ("bare_head",),
}
"""Incident type → the detector's labels that a claim may stand for, the likeliest first. A verdict
on a crowd judges a count, not a box, and teaches the detector nothing."""

OF_A_PART = ("missing_helmet",)
"""Types whose claim is larger than the thing itself: the person with the head. Where the detector
saw no head in the picture, nobody can say where it is."""

SPLIT_EVERY = 5
"""One camera-day of so many is kept for validation: its pictures look alike and stay together."""

_INSIDE, _SAME, _SAME_HEAD = 0.7, 0.3, 0.5
"""Share of a detection within the claim, or IoU with it, from which it is the claimed thing; IoU of
two boxes of one head."""

Seen = tuple[Box, str]
"""A detection: its box and label."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one judged picture says of some labels, and of no other.

    Attributes:
        labelled: The labels it speaks of.
        boxes: Where they are.
        doubts: Where they may be or not: nobody judged these places. Everywhere else they are not.
    """

    labelled: tuple[str, ...]
    boxes: tuple[Seen, ...]
    doubts: tuple[Seen, ...]


def lesson(
    incident_type: str,
    claim: Box,
    seen: Sequence[Seen],
    others: Sequence[Box],
    *,
    is_there: bool,
) -> Lesson | None:
    """The lesson of one verdict, None where it teaches the detector nothing.

    Args:
        incident_type: Of the claim.
        claim: Where the thing was claimed to be in the picture.
        seen: What the detector saw in the picture.
        others: Where else the same type was claimed in the same picture and not denied.
        is_there: The operator said that the thing is there; else that it is not.
    """
    labels = CLAIMED.get(incident_type, ())
    alike = [one for one in seen if one[1] in labels]
    here = [one for one in alike if _is_claimed(one[0], claim)]
    if incident_type in OF_A_PART and here:
        here.sort(key=lambda one: _off_top(one[0], claim))
        here = [one for one in here if iou(one[0], here[0][0]) >= _SAME_HEAD]
    if not labels or (is_there and not here and incident_type in OF_A_PART):
        return None
    there = here[:1] if incident_type in OF_A_PART else here or [(claim, labels[0])]
    boxes = tuple(there) if is_there else ()
    judged = tuple(sorted({label for _, label in boxes})) if is_there else labels
    open_places = [(box, label) for box in others for label in judged]
    doubts = [one for one in alike if one not in here and one[1] in judged]
    return Lesson(judged, boxes, (*doubts, *open_places))


def _is_claimed(box: Box, claim: Box) -> bool:
    return covered(box, by=claim) >= _INSIDE or iou(box, claim) >= _SAME


def _off_top(head: Box, claim: Box) -> float:
    """How far a head is from the top and the middle of the person who was claimed."""
    return abs(head[1] - claim[1]) + 0.5 * abs(centre(head)[0] - centre(claim)[0])


def split_of(group: str) -> str:
    """Always the same split for a group, whatever else is exported with it."""
    kept = zlib.crc32(group.encode()) % SPLIT_EVERY == 0
    return "val" if kept else "train"
