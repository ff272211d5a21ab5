"""The management grid as the pages want it: polygons for the map, areas to give rights by."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import shapely
import structlog

from pipeline.geometry.errors import GeometryError
from pipeline.geometry.grid import levels_of, read_grid
from pipeline.geometry.settings import GridSettings

Json = dict[str, Any]
_DIGITS = 6
"""Of coordinates in degrees: a decimetre."""
_log = structlog.get_logger("api.city_grid")


@dataclass(frozen=True, slots=True)
class CityGrid:
    """Read once at the start; without a grid both are empty.

    Attributes:
        geojson: Cells in WGS-84 with code and name, None when the site has no grid.
        codes: (code, name) of every cell.
    """

    geojson: Json | None = None
    codes: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, settings: GridSettings | None) -> CityGrid:
        """The grid of a site; one that cannot be read is logged and left out."""
        if settings is None:
            return cls()
        try:
            cells = tuple(read_grid(settings))
        except GeometryError as error:
            _log.error("grid_not_shown", error=str(error))
            return cls()
        features = [
            {
                "type": "Feature",
                "properties": {"code": cell.code, "name": cell.name},
                "geometry": _geometry(cell.polygon),
            }
            for cell in cells
        ]
        geojson = {"type": "FeatureCollection", "features": features}
        return cls(geojson, tuple((cell.code, cell.name) for cell in cells))

    def areas(self, seen: Iterable[str | None]) -> list[Json]:
        """Prefixes that rights can be given by: districts, streets, communities, cells.

        Args:
            seen: Cells of cameras, which may lie outside the grid.
        """
        names = dict(self.codes)
        codes = {*names, *(code for code in seen if code)}
        found = {
            prefix: level for code in codes for level, prefix in enumerate(levels_of(code), start=1)
        }
        return [
            {"code": prefix, "level": level, "name": names.get(prefix, "")}
            for prefix, level in sorted(found.items())
        ]


def _geometry(polygon: Any) -> Json:
    rounded = shapely.set_precision(polygon, 10**-_DIGITS, mode="pointwise")
    shape: Json = json.loads(shapely.to_geojson(rounded))
    return shape
