"""Where a sighting is: its view's calibration, its type's footprint and the grid, in one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pipeline.geometry.calibration import Calibration
from pipeline.geometry.grid import Grid
from pipeline.geometry.placing import Footprint, place_box
from pipeline.types import Box, IncidentType, Place, Sighting, ViewKey

FOOTPRINTS: Mapping[IncidentType, Footprint] = {
    "street_vending": Footprint(depth_m=1.5),
    "garbage": Footprint(depth_m=1.0),
    "overflowing_bin": Footprint(depth_m=0.8),
    "missing_helmet": Footprint(depth_m=0.4),
    "crowding": Footprint(region=True),
}
"""How deep each kind of happening is on the ground."""


@dataclass(frozen=True, slots=True, eq=False)
class Locator:
    """Puts sightings on the map.

    Attributes:
        calibrations: By view; views without one have no place.
        grid: The management grid, None if the site has none.
    """

    calibrations: Mapping[ViewKey, Calibration]
    grid: Grid | None = None

    def place(self, sighting: Sighting) -> Place | None:
        """The sighting's place with its grid cell, None if its view is not calibrated."""
        return self.place_box(sighting.view, sighting.type, sighting.xyxy_norm)

    def place_box(self, view: ViewKey, incident: IncidentType, box_norm: Box) -> Place | None:
        """The place of a box (0..1 of the frame) of a view, None if it has none."""
        calibration = self.calibrations.get(view)
        if calibration is None:
            return None
        width, height = calibration.image_size
        x1, y1, x2, y2 = box_norm
        box = (x1 * width, y1 * height, x2 * width, y2 * height)
        place = place_box(calibration, box, FOOTPRINTS.get(incident, Footprint()))
        return place and replace(place, grid_cell=self.cell(place.lon, place.lat))

    def cell(self, lon: float, lat: float) -> str | None:
        """Code of the grid cell at a WGS-84 place, None outside the grid."""
        found = self.grid.cell_at(lon, lat) if self.grid else None
        return found.code if found else None
