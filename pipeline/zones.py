"""Zones: polygons of a view with their rules, schedule and permits."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, tzinfo
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pipeline.boxes import centre, foot
from pipeline.rules.settings import RuleSettings
from pipeline.schedule import Hours, Permit, is_open
from pipeline.types import Box, IncidentType

Point = tuple[float, float]
Unit = Annotated[float, Field(ge=0.0, le=1.0)]

MIN_AREA = 1e-5
"""Smallest useful zone, as a share of the frame: about 5 x 4 pixels at 1080p."""

_WHOLE: tuple[Point, ...] = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


class Zone(BaseModel):
    """A polygon in one view, what must not happen in it, and when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="Unique in the view; stable."
    )
    name: str = Field("", max_length=200, description="For people; any language.")
    polygon: tuple[tuple[Unit, Unit], ...] = Field(
        _WHOLE,
        min_length=3,
        max_length=200,
        description="Corners [x, y], 0..1 from the upper left corner; the whole frame if none.",
    )
    rules: tuple[RuleSettings, ...] = Field(
        min_length=1, description="What to watch for here; at most one rule of each type."
    )
    schedule: tuple[Hours, ...] = Field(
        (), description="When the zone is watched; always if empty."
    )
    permits: tuple[Permit, ...] = Field((), description="When what would be an incident is lawful.")

    @field_validator("polygon")
    @classmethod
    def _is_simple(cls, polygon: tuple[Point, ...]) -> tuple[Point, ...]:
        check_polygon(polygon)
        return polygon

    @model_validator(mode="after")
    def _one_rule_per_type(self) -> Zone:
        types = [rule.type for rule in self.rules]
        doubled = sorted({t for t in types if types.count(t) > 1})
        if doubled:
            raise ValueError(
                f"rules must have one of each type, got {', '.join(doubled)} twice, "
                f"in zone {self.id}"
            )
        return self

    def is_watched(self, at: datetime, clock: tzinfo) -> bool:
        """True when the schedule wants the zone watched at an aware time."""
        return not self.schedule or is_open(self.schedule, at, clock)

    def is_permitted(self, incident: IncidentType, at: datetime, clock: tzinfo) -> bool:
        """True when a permit makes this type lawful at an aware time."""
        return any(incident in p.types and is_open(p.hours, at, clock) for p in self.permits)

    def has_foot(self, box: Box, size: tuple[int, int]) -> bool:
        """True when the thing in a pixel box stands in the zone (its foot point is inside)."""
        return self._has(foot(box), size)

    def has_thing(self, box: Box, size: tuple[int, int]) -> bool:
        """True when the foot point or the centre of a pixel box is inside."""
        return self._has(foot(box), size) or self._has(centre(box), size)

    def bounds(self, size: tuple[int, int]) -> Box:
        """The smallest pixel box around the zone."""
        xs, ys = [p[0] for p in self.polygon], [p[1] for p in self.polygon]
        return min(xs) * size[0], min(ys) * size[1], max(xs) * size[0], max(ys) * size[1]

    def _has(self, point: Point, size: tuple[int, int]) -> bool:
        # The lower edge of a box may touch the frame's end: clip, or the last row is outside.
        x = min(max(point[0] / size[0], 0.0), 1.0)
        y = min(max(point[1] / size[1], 0.0), 1.0)
        return contains(self.polygon, x, y)


def contains(polygon: Sequence[Point], x: float, y: float) -> bool:
    """True when a point lies inside or on the border of a simple polygon.

    Even-odd ray casting (Shimrat 1962); the border is tested first so that it counts as inside.
    """
    inside = False
    for (x1, y1), (x2, y2) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if _on_edge((x1, y1), (x2, y2), (x, y)):
            return True
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            inside = not inside
    return inside


def blind_rules(zones: Iterable[Zone], labels: Collection[str]) -> list[tuple[str, str]]:
    """Zone and words for every rule that needs a class which is not among the labels."""
    return [
        (
            zone.id,
            f"rule {rule.type} of zone {zone.id} needs the class {', '.join(missing)}, "
            f"which the detector does not know; it knows: {', '.join(labels)}",
        )
        for zone in zones
        for rule in zone.rules
        if (missing := rule.missing_classes(labels))
    ]


def check_polygon(polygon: Sequence[Point]) -> None:
    """Raise ValueError unless the corners make a simple polygon with a useful area."""
    if len(set(polygon)) < 3:
        raise ValueError(f"polygon must have at least 3 different corners, got {len(set(polygon))}")
    edges = list(zip(polygon, (*polygon[1:], polygon[0]), strict=True))
    for i, first in enumerate(edges):
        if first[0] == first[1]:
            raise ValueError(f"polygon must not repeat a corner, got {first[0]} twice in a row")
        for j in range(i + 1, len(edges)):
            adjacent = j == i + 1 or (i == 0 and j == len(edges) - 1)
            if not adjacent and _cross(*first, *edges[j]):
                raise ValueError(
                    f"polygon must not cross itself, got edges {i + 1} and {j + 1} crossing"
                )
    doubled = sum(a[0] * b[1] - b[0] * a[1] for a, b in edges)
    if abs(doubled) / 2 < MIN_AREA:
        raise ValueError(f"polygon must have an area of {MIN_AREA}, got {abs(doubled) / 2:.2g}")


def _side(a: Point, b: Point, p: Point) -> float:
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def _on_edge(a: Point, b: Point, p: Point) -> bool:
    if abs(_side(a, b, p)) > 1e-9:
        return False
    return min(a[0], b[0]) - 1e-9 <= p[0] <= max(a[0], b[0]) + 1e-9 and (
        min(a[1], b[1]) - 1e-9 <= p[1] <= max(a[1], b[1]) + 1e-9
    )


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    if any(_on_edge(a, b, p) for p in (c, d)) or any(_on_edge(c, d, p) for p in (a, b)):
        return True
    return (_side(a, b, c) > 0) != (_side(a, b, d) > 0) and (
        (_side(c, d, a) > 0) != (_side(c, d, b) > 0)
    )
