"""Chooses where in a picture to look, so that the smallest object wanted is large enough to see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

COARSER = 0.9
"""Step of the scale while tiles are too many."""

ENLARGED = 2.0
"""So many times as large as planned a place in doubt is shown when it is detected once more. Of
heads of 14 px in a hall, twice as large tells a dark helmet from hair, five times tells nothing."""

FINEST = 2.0
"""Pixels of the input for one of the frame, at most: finer was not measured."""

FILLS = 0.65
"""Share of an enlarged region's sides that its place may fill."""

LEAST_GAIN = 1.3
"""An enlargement by less is not worth an inference."""

GRID_PX = 16
"""Enlarged regions keep to such a grid, so that a place that trembles has few of them."""

MOST_ENLARGED = 3
"""Regions of one picture."""

PixelBox = tuple[int, int, int, int]
"""Left, top, right, bottom in whole pixels of the full frame, right and bottom excluded."""


@dataclass(frozen=True, slots=True)
class RegionNeeds:
    """What a plan has to reach.

    Attributes:
        object_px: Side of the smallest object wanted, in pixels of the full frame; None asks for
            one look at the zones' surroundings, whatever it shows.
        seen_px: Side it must have at the network's input. Measured on the trial weight (INT8,
            384 x 640, threshold 0.35), recall of heads with or without helmet by their side there:
            8-12 px 0.38, 12-16 px 0.74, 16-20 px 0.87, 20-24 px 0.89, above 24 px 0.95.
        margin: Room around the zones, as a share of their size: objects that stand in a zone reach
            out of it.
        max_tiles: More are never planned; the plan then says what it reaches.
    """

    object_px: float | None = None
    seen_px: float = 20.0
    margin: float = 0.15
    max_tiles: int = 12


@dataclass(frozen=True, slots=True)
class RegionPlan:
    """Where to look in a picture of one size.

    Attributes:
        kind: The whole frame, one crop around the zones, or overlapping tiles of that crop.
        regions: Boxes to detect in, pixels of the full frame.
        seen_px: Side of the smallest object at the network's input; less than was needed only
            when `max_tiles` did not suffice. 0 when no size was asked for.
    """

    kind: Literal["whole", "crop", "tiles"]
    regions: tuple[PixelBox, ...]
    seen_px: float


def plan_regions(
    frame_size: tuple[int, int],
    zones: Sequence[tuple[float, float, float, float]],
    input_size: tuple[int, int],
    needs: RegionNeeds,
) -> RegionPlan:
    """Whole frame if that shows the smallest object well enough, else a crop, else tiles.

    Args:
        frame_size: (width, height) of the full frame in pixels.
        zones: bounding boxes of the view's zones, pixels of the full frame; none = everywhere.
        input_size: (height, width) of the network's input.
        needs: what must be seen.
    """
    whole = (0, 0, *frame_size)
    crop = _around(zones, whole, input_size, needs.margin)
    kind: Literal["whole", "crop"] = "whole" if crop == whole else "crop"
    if needs.object_px is None:
        return RegionPlan(kind, (crop,), 0.0)
    if needs.object_px * _scale(whole, input_size) >= needs.seen_px:
        return RegionPlan("whole", (whole,), needs.object_px * _scale(whole, input_size))
    seen = needs.object_px * _scale(crop, input_size)
    if seen >= needs.seen_px or needs.max_tiles == 1:
        return RegionPlan(kind, (crop,), seen)
    tiles = _tiles(crop, input_size, needs.object_px, needs)
    seen = needs.object_px * _scale(tiles[0], input_size)
    return RegionPlan("tiles" if len(tiles) > 1 else kind, tiles, seen)


Place = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Enlargement:
    """Doubtful places and where they are detected once more.

    Attributes:
        places: left, top, right, bottom in pixels of the full frame.
        region: pixels of the full frame; holds them.
    """

    places: tuple[Place, ...]
    region: PixelBox


def enlarged(
    places: Sequence[Place],
    planned: Sequence[PixelBox],
    frame_size: tuple[int, int],
    input_size: tuple[int, int],
) -> tuple[Enlargement, ...]:
    """Regions that show places up to `ENLARGED` times as large as the planned regions do.

    A place that lies in a region chosen before shares it. Left out are places that no planned
    region holds or that are too large to gain by it, and regions after the first `MOST_ENLARGED`.

    Args:
        places: left, top, right, bottom in pixels of the full frame, most important first.
        planned: regions that are looked at anyway.
        frame_size: (width, height) of the full frame in pixels.
        input_size: (height, width) of the network's input.
    """
    chosen: dict[PixelBox, list[Place]] = {}
    for place in places:
        region = next((r for r in chosen if _holds(r, place)), None)
        region = region or _enlarged_region(place, planned, frame_size, input_size)
        if region in chosen or (region is not None and len(chosen) < MOST_ENLARGED):
            chosen.setdefault(region, []).append(place)
    return tuple(Enlargement(tuple(held), region) for region, held in chosen.items())


def _enlarged_region(
    place: Place,
    planned: Sequence[PixelBox],
    frame_size: tuple[int, int],
    input_size: tuple[int, int],
) -> PixelBox | None:
    left, top, right, bottom = place
    x, y = (left + right) / 2, (top + bottom) / 2
    around = [r for r in planned if r[0] <= x <= r[2] and r[1] <= y <= r[3]]
    if not around:
        return None
    aspect = input_size[1] / input_size[0]
    usual = input_size[1] / max(_scale(region, input_size) for region in around)
    least = max(right - left, (bottom - top) * aspect) / FILLS
    width = max(usual / ENLARGED, input_size[1] / FINEST, least)
    width = math.ceil(width / GRID_PX) * GRID_PX
    if width * LEAST_GAIN > usual:
        return None
    columns = _placed(round(x / GRID_PX) * GRID_PX, width, frame_size[0])
    rows = _placed(round(y / GRID_PX) * GRID_PX, width / aspect, frame_size[1])
    return columns[0], rows[0], columns[1], rows[1]


def _holds(region: PixelBox, place: Place) -> bool:
    return (
        region[0] <= place[0]
        and region[1] <= place[1]
        and place[2] <= region[2]
        and place[3] <= region[3]
    )


def _scale(region: PixelBox, input_size: tuple[int, int]) -> float:
    left, top, right, bottom = region
    return min(input_size[0] / (bottom - top), input_size[1] / (right - left))


def _around(
    zones: Sequence[tuple[float, float, float, float]],
    whole: PixelBox,
    input_size: tuple[int, int],
    margin: float,
) -> PixelBox:
    """The zones' common box with its margin, grown to the input's shape inside the frame."""
    if not zones:
        return whole
    left, top = min(z[0] for z in zones), min(z[1] for z in zones)
    right, bottom = max(z[2] for z in zones), max(z[3] for z in zones)
    grow_x, grow_y = (right - left) * margin, (bottom - top) * margin
    width, height = right - left + 2 * grow_x, bottom - top + 2 * grow_y
    aspect = input_size[1] / input_size[0]
    width, height = max(width, height * aspect), max(height, width / aspect)
    x = _placed((left + right) / 2, width, whole[2])
    y = _placed((top + bottom) / 2, height, whole[3])
    return x[0], y[0], x[1], y[1]


def _placed(centre: float, length: float, limit: int) -> tuple[int, int]:
    """A stretch of `length` around `centre`, shifted into 0..limit, cut only if it is longer."""
    size = min(limit, max(1, math.ceil(length)))
    start = min(max(0, round(centre - size / 2)), limit - size)
    return start, start + size


def _tiles(
    area: PixelBox, input_size: tuple[int, int], object_px: float, needs: RegionNeeds
) -> tuple[PixelBox, ...]:
    """Tiles of the area at the scale needed, coarser by steps until there are few enough."""
    scale, overlap = needs.seen_px / object_px, 2 * object_px
    while True:
        columns = _stretches(area[0], area[2], input_size[1] / scale, overlap)
        rows = _stretches(area[1], area[3], input_size[0] / scale, overlap)
        if len(columns) * len(rows) <= needs.max_tiles:
            return tuple((x0, y0, x1, y1) for y0, y1 in rows for x0, x1 in columns)
        scale *= COARSER


def _stretches(start: int, end: int, length: float, overlap: float) -> list[tuple[int, int]]:
    """Equal stretches of at most `length` that cover start..end and overlap."""
    total = end - start
    size = min(total, max(1, math.floor(length)))
    if size >= total:
        return [(start, end)]
    step = max(1.0, size - min(overlap, size / 2))
    count = math.ceil((total - size) / step) + 1
    offsets = [round(start + i * (total - size) / (count - 1)) for i in range(count)]
    return [(offset, offset + size) for offset in offsets]
