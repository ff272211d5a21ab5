"""What a calibration tells the patrol in metres: what cannot be, how dense, how small."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import structlog

from models.detections import Detections
from pipeline.geometry.calibration import Calibration
from pipeline.geometry.errors import CalibrationError
from pipeline.geometry.placing import Footprint, SizeLimits, place_box, size_of
from pipeline.geometry.settings import CalibrationSettings
from pipeline.rules.settings import CrowdingSettings, RuleSettings
from pipeline.types import Box
from pipeline.zones import Zone

log = structlog.get_logger(__name__)

POSSIBLE: Mapping[str, SizeLimits] = {
    "person": SizeLimits(0.5, 2.0, 3.0),
    "garbage": SizeLimits(0.1, 5.0, 3.0),
    "overflowing_bin": SizeLimits(0.2, 3.5, 3.0),
    "bin": SizeLimits(0.2, 3.5, 3.0),
    "stall": SizeLimits(0.3, 9.0, 5.0),
    "parasol": SizeLimits(0.5, 7.0, 5.0),
    "two_wheeler": SizeLimits(0.5, 3.5, 3.0),
    "car": SizeLimits(1.0, 8.0, 4.0),
    "truck_bus": SizeLimits(1.5, 25.0, 6.5),
    "tricycle": SizeLimits(0.5, 6.0, 4.0),
}
"""Generous: a box around two neighbours, or a calibration 20 % off, must not lose a true thing.
Heads and helmets do not stand on the ground and are not measured."""

_SURE_M = 3.0
"""Where the place is less certain than this, sizes are guesses and refuse nothing."""


class Gauge:
    """A view's calibration at whatever size its pictures have; any thread may ask.

    Attributes:
        settings: The ground points in force, None while there are none.
        calibration: For the newest picture; before the first, for the size that the settings
            name. None where neither is known, or the two do not fit.
        trouble: Why there is none although there are ground points, empty if there is one.
    """

    def __init__(self, settings: CalibrationSettings | None = None) -> None:
        self._lock = threading.Lock()
        self._size: tuple[int, int] | None = None
        self.take(settings)

    def take(self, settings: CalibrationSettings | None) -> None:
        """Go by other ground points from now on."""
        with self._lock:
            self.settings = settings
            self._fit(self._size or (settings.image_size if settings else None))

    def at(self, size: tuple[int, int]) -> Calibration | None:
        """For pictures of (width, height); None if they do not fit the ground points."""
        with self._lock:
            if size != self._size:
                self._size = size
                self._fit(size)
            return self.calibration

    def _fit(self, size: tuple[int, int] | None) -> None:
        self.calibration: Calibration | None = None
        self.trouble = ""
        if self.settings is None or size is None:
            return
        try:
            self.calibration = self.settings.fit(size)
        except CalibrationError as error:
            self.trouble = str(error)
            log.warning("ground points do not fit the picture", reason=self.trouble)


def possible(calibration: Calibration, detections: Detections, labels: Sequence[str]) -> Detections:
    """The detections that can be what they are called, by their size in metres.

    Args:
        calibration: For the size of the picture.
        detections: Pixels of the full frame.
        labels: Class names by class id.
    """
    keep = np.array(
        [
            is_possible(calibration, labels[int(kind)], _box(xyxy))
            for xyxy, kind in zip(detections.xyxy, detections.class_id, strict=True)
        ],
        bool,
    )
    return detections if keep.all() else detections.where(keep)


def is_possible(calibration: Calibration, label: str, box: Box) -> bool:
    """Whether a thing of this class can be as large, or as small, as the box says.

    A box that the picture's edge cuts, that is above the horizon or whose place is a guess
    refuses nothing.
    """
    limits = POSSIBLE.get(label)
    width, height = calibration.image_size
    cut = box[0] <= 2 or box[1] <= 2 or box[2] >= width - 2 or box[3] >= height - 2
    if limits is None or cut:
        return True
    place, size = place_box(calibration, box, Footprint()), size_of(calibration, box)
    if place is None or size is None or place.sigma_m[0] > _SURE_M:
        return True
    return limits.allow(size)


def measured(rule: RuleSettings, zone: Zone, calibration: Calibration | None) -> RuleSettings:
    """The rule with the ground area of its zone, where a crowd's density needs it."""
    if not isinstance(rule, CrowdingSettings) or rule.area_m2 is not None or calibration is None:
        return rule
    area = calibration.ground_area_m2(_pixels(zone, calibration.image_size))
    return rule.model_copy(update={"area_m2": area}) if area else rule


def object_px(calibration: Calibration, zone: Zone, metres: float) -> float | None:
    """Side in pixels of a thing so large at the zone's farthest corner, None above the horizon."""
    corners = _pixels(zone, calibration.image_size)
    scales = [calibration.pixels_per_metre(corner) for corner in corners]
    seen = [scale for scale in scales if scale > 0]
    return metres * min(seen) if seen else None


def _pixels(zone: Zone, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    return np.array(zone.polygon, np.float64) * np.array(size, np.float64)


def _box(xyxy: npt.NDArray[np.float32]) -> Box:
    left, top, right, bottom = (float(value) for value in xyxy)
    return left, top, right, bottom
