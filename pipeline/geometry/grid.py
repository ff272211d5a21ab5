"""The city's management grid: coded cells, checked once, found by place in microseconds."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import shapely
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from pipeline.geometry.crs import to_wgs84
from pipeline.geometry.errors import CoordinateError, GridError
from pipeline.geometry.plane import LocalPlane
from pipeline.geometry.settings import GridSettings

_CODE = re.compile(r"\d{15,20}")
_MIN_GAP_M2 = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class GridCell:
    """One cell: its code, its name for people, its polygon in WGS-84 and the file's properties."""

    code: str
    name: str
    polygon: BaseGeometry
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GridFault:
    """Ground that belongs to two cells or to none.

    Attributes:
        kind: "overlap" or "gap".
        codes: The cells that overlap, or that lie along the gap.
        area_m2: How much ground.
        lon: Where, WGS-84.
        lat: Where, WGS-84.
    """

    kind: Literal["overlap", "gap"]
    codes: tuple[str, ...]
    area_m2: float
    lon: float
    lat: float


def levels_of(code: str) -> tuple[str, ...]:
    """District, street, community and cell prefixes of a code, longest last.

    DB11 (Beijing) and the national standard: 6 digits of GB/T 2260, 3 of street, 3 of community,
    then the sequence. Longer profiles lengthen the sequence.
    """
    return (code[:6], code[:9], code[:12], code)


class Grid:
    """All cells of a site, with the index that finds them.

    A place on a shared border belongs to the cell with the smaller code, so that the answer
    never depends on the order of the file.
    """

    def __init__(self, cells: Iterable[GridCell]) -> None:
        """Index the cells.

        Raises:
            GridError: There is no cell, or two have the same code.
        """
        self._cells = tuple(sorted(cells, key=lambda cell: cell.code))
        if not self._cells:
            raise GridError("a grid must have at least one cell, got none")
        twins = [code for code, n in Counter(c.code for c in self._cells).items() if n > 1]
        if twins:
            raise GridError(f"grid codes must be unique, got twice: {', '.join(twins[:5])}")
        self._by_code = {cell.code: cell for cell in self._cells}
        self._tree = STRtree([cell.polygon for cell in self._cells])

    def __len__(self) -> int:
        return len(self._cells)

    def __iter__(self) -> Iterator[GridCell]:
        return iter(self._cells)

    def __getitem__(self, code: str) -> GridCell:
        return self._by_code[code]

    def cell_at(self, lon: float, lat: float) -> GridCell | None:
        """The cell that a WGS-84 place lies in, None outside the grid."""
        hits = self._tree.query(shapely.Point(lon, lat), predicate="intersects")
        return self._cells[int(hits.min())] if len(hits) else None

    def within(self, prefix: str) -> tuple[GridCell, ...]:
        """All cells of a district, street or community, given by the digits they share."""
        return tuple(cell for cell in self._cells if cell.code.startswith(prefix))

    def faults(self, overlap_m2: float = 5.0, sliver_m: float = 2.0) -> tuple[GridFault, ...]:
        """Overlaps larger than `overlap_m2` and gaps narrower than `sliver_m`, largest first."""
        bounds = self._tree.geometries
        west, south, east, north = shapely.total_bounds(bounds)
        plane = LocalPlane((west + east) / 2, (south + north) / 2)
        metres = shapely.transform(bounds, plane.to_metres)
        found = [*self._overlaps(metres, plane, overlap_m2), *self._gaps(metres, plane, sliver_m)]
        return tuple(sorted(found, key=lambda fault: -fault.area_m2))

    def _overlaps(
        self, metres: np.ndarray[Any, Any], plane: LocalPlane, limit_m2: float
    ) -> Iterator[GridFault]:
        first, second = STRtree(metres).query(metres, predicate="intersects")
        first, second = first[first < second], second[first < second]
        shared = shapely.intersection(metres[first], metres[second])
        area = shapely.area(shared)
        for index in np.flatnonzero(area > limit_m2):
            codes = (self._cells[first[index]].code, self._cells[second[index]].code)
            yield _fault("overlap", codes, shared[index], plane)

    def _gaps(
        self, metres: np.ndarray[Any, Any], plane: LocalPlane, sliver_m: float
    ) -> Iterator[GridFault]:
        """What a morphological closing by half the width fills in."""
        if sliver_m <= 0:
            return
        union = shapely.union_all(metres)
        grown = union.buffer(sliver_m / 2, join_style="mitre")
        closed = grown.buffer(-sliver_m / 2, join_style="mitre")
        tree = STRtree(metres)
        for gap in shapely.get_parts(closed.difference(union)):
            if gap.area >= _MIN_GAP_M2 and gap.buffer(-0.005).area > 0:
                along = sorted(tree.query(gap, predicate="dwithin", distance=0.1))
                yield _fault("gap", tuple(self._cells[i].code for i in along), gap, plane)


def load_grid(settings: GridSettings) -> Grid:
    """Read and check a GeoJSON grid.

    Raises:
        GridError: The file is unreadable, a code or a polygon is invalid, cells overlap by more
            than `overlap_m2` or leave a sliver between them; the message names the first ones.
    """
    grid = read_grid(settings)
    faults = grid.faults(settings.overlap_m2, settings.sliver_m)
    if faults:
        shown = "; ".join(
            f"{f.kind} of {f.area_m2:.1f} m² at [{f.lon:.6f}, {f.lat:.6f}] ({', '.join(f.codes)})"
            for f in faults[:3]
        )
        raise GridError(f"grid must not overlap or leave slivers, got {len(faults)}: {shown}")
    return grid


def read_grid(settings: GridSettings) -> Grid:
    """The grid of a GeoJSON file, each cell checked by itself.

    Raises:
        GridError: The file is unreadable, or a code or a polygon is invalid.
    """
    try:
        document = json.loads(settings.path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise GridError(f"grid {settings.path.name} cannot be read: {error}") from error
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list):
        raise GridError(f"grid {settings.path.name} must be a GeoJSON FeatureCollection")
    return Grid(_cell(feature, number, settings) for number, feature in enumerate(features))


def _cell(feature: Any, number: int, settings: GridSettings) -> GridCell:
    where = f"feature {number} of {settings.path.name}"
    try:
        properties = dict(feature.get("properties") or {})
        code = str(properties.get(settings.code_property, ""))
        polygon = shapely.from_geojson(json.dumps(feature["geometry"]))
        polygon = shapely.transform(polygon, lambda points: to_wgs84(points, settings.crs))
    except (AttributeError, KeyError, TypeError, shapely.GEOSException, CoordinateError) as error:
        raise GridError(f"{where} must be a polygon in {settings.crs}: {error}") from error
    if not _CODE.fullmatch(code):
        raise GridError(
            f"{where}: {settings.code_property} must be 15 to 20 digits, got {code[:40]!r}"
        )
    if polygon.geom_type not in ("Polygon", "MultiPolygon") or polygon.is_empty:
        raise GridError(f"{where} ({code}) must be a polygon, got {polygon.geom_type}")
    if not polygon.is_valid:
        raise GridError(f"{where} ({code}): {shapely.is_valid_reason(polygon)}")
    return GridCell(code, str(properties.get(settings.name_property, "")), polygon, properties)


def _fault(
    kind: Literal["overlap", "gap"], codes: tuple[str, ...], shape: BaseGeometry, plane: LocalPlane
) -> GridFault:
    inside = shape.representative_point()
    lon, lat = plane.to_lonlat((inside.x, inside.y))
    return GridFault(kind, codes, float(shape.area), float(lon), float(lat))
