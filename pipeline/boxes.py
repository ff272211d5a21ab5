"""Pure arithmetic on boxes (left, top, right, bottom), in whatever unit they come."""

from __future__ import annotations

import math

from pipeline.types import Box


def area(box: Box) -> float:
    """Width times height, 0 for an empty or inverted box."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def extent(box: Box) -> float:
    """Side of the square of the same area: the one length that a box has."""
    return math.sqrt(area(box))


def centre(box: Box) -> tuple[float, float]:
    """Middle of a box, (x, y)."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def foot(box: Box) -> tuple[float, float]:
    """Where the thing in the box touches the ground: middle of the lower edge, (x, y)."""
    return (box[0] + box[2]) / 2, box[3]


def intersection(a: Box, b: Box) -> float:
    """Area that two boxes share."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return width * height if width > 0 and height > 0 else 0.0


def iou(a: Box, b: Box) -> float:
    """Intersection over union, 0..1."""
    shared = intersection(a, b)
    return shared / (area(a) + area(b) - shared) if shared > 0 else 0.0


def covered(box: Box, by: Box) -> float:
    """Share of `box` that lies under `by`, 0..1."""
    own = area(box)
    return intersection(box, by) / own if own > 0 else 0.0


def gap(a: Box, b: Box) -> float:
    """Distance between the nearest edges of two boxes, 0 when they touch or overlap."""
    dx = max(0.0, a[0] - b[2], b[0] - a[2])
    dy = max(0.0, a[1] - b[3], b[1] - a[3])
    return math.hypot(dx, dy)


def distance(a: Box, b: Box) -> float:
    """Distance between the centres of two boxes."""
    (ax, ay), (bx, by) = centre(a), centre(b)
    return math.hypot(ax - bx, ay - by)


def union(a: Box, b: Box) -> Box:
    """The smallest box around both."""
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def blend(a: Box, b: Box, share: float) -> Box:
    """The box `share` of the way from `a` to `b`."""
    keep = 1.0 - share
    return (
        keep * a[0] + share * b[0],
        keep * a[1] + share * b[1],
        keep * a[2] + share * b[2],
        keep * a[3] + share * b[3],
    )


def to_norm(box: Box, size: tuple[int, int]) -> Box:
    """Pixels of a (width, height) frame to 0..1, clipped to the frame."""
    width, height = size
    return (
        min(max(box[0] / width, 0.0), 1.0),
        min(max(box[1] / height, 0.0), 1.0),
        min(max(box[2] / width, 0.0), 1.0),
        min(max(box[3] / height, 0.0), 1.0),
    )


def to_pixels(box_norm: Box, size: tuple[int, int]) -> Box:
    """0..1 to pixels of a (width, height) frame."""
    width, height = size
    return box_norm[0] * width, box_norm[1] * height, box_norm[2] * width, box_norm[3] * height
