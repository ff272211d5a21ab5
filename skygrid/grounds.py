"""Where the watched views lie on the ground: their ground points in force, and the locator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.geometry.calibration import Calibration
from pipeline.geometry.grid import load_grid
from pipeline.geometry.locator import Locator
from pipeline.geometry.settings import CalibrationSettings
from pipeline.measures import Gauge
from pipeline.site.settings import Site
from pipeline.types import ViewKey


class Grounds(Mapping[ViewKey, Calibration]):
    """The calibrations in force by view, each for the size that the view's pictures really have.

    A view whose ground points name no `image_size` appears with its first picture; one whose
    pictures do not fit its points has no place, and is told in `troubles`.

    Attributes:
        gauges: One for each watched view, also while it has no ground points.
        locator: Puts sightings on the map by these calibrations.
    """

    def __init__(self, site: Site) -> None:
        self.gauges = {
            ViewKey(camera.id, view.id): Gauge(view.calibration)
            for camera in site.cameras
            for view in camera.watched
        }
        self.locator = Locator(self, load_grid(site.grid) if site.grid else None)

    def __getitem__(self, key: ViewKey) -> Calibration:
        calibration = self.gauges[key].calibration
        if calibration is None:
            raise KeyError(key)
        return calibration

    def __iter__(self) -> Iterator[ViewKey]:
        return (key for key, gauge in self.gauges.items() if gauge.calibration is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def troubles(self) -> dict[ViewKey, str]:
        """Why a view with ground points has no place."""
        return {key: gauge.trouble for key, gauge in self.gauges.items() if gauge.trouble}

    def calibrate(self, key: ViewKey, ground: Mapping[str, object]) -> bool:
        """Put a view's next sightings on the map by these ground points; False when it does.

        Raises:
            ValueError: They are no ground points as this version knows them.
        """
        settings = CalibrationSettings.model_validate(ground)
        if self.gauges[key].settings == settings:
            return False
        self.gauges[key].take(settings)
        return True
