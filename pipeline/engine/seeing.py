"""What the worker asks of the detector: one call for pictures of many views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from models.detections import Detections
from models.detector import Detector
from models.region_plan import PixelBox, RegionNeeds, plan_regions
from models.regions import detect_regions
from pipeline.engine.observations import Observation
from pipeline.engine.watch import WatchedView
from pipeline.types import ViewKey

_ONE_LOOK = RegionNeeds()
_KEEP_SHARE = 0.6
"""Detections below the card's threshold still carry a track on, down to this share of it."""


class Sight:
    """Detects where the zones are, at the pixel density that they need.

    Args:
        detector: Any backend.
        smallest_px: By camera, the side of the smallest object wanted; cameras that are not
            named get one look at the zones' surroundings.
    """

    def __init__(self, detector: Detector, smallest_px: Mapping[str, float]) -> None:
        self._detector = detector
        self._needs = {camera: RegionNeeds(object_px=px) for camera, px in smallest_px.items()}
        self._views: dict[ViewKey, WatchedView] = {}
        self._floor = np.array(
            [detector.thresholds.get(label, 0.0) * _KEEP_SHARE for label in detector.labels],
            np.float32,
        )

    def watch(self, views: Sequence[WatchedView]) -> None:
        """The views whose pictures will come."""
        self._views = {view.key: view for view in views}

    def __call__(self, pictures: Sequence[Observation]) -> list[Detections]:
        """Boxes in full-frame pixels, in the order of the pictures; errors as `Detector.detect`."""
        wanted = [(p.frame.image, self._regions(p)) for p in pictures]
        found = detect_regions(self._detector, wanted)
        return [f.where(f.confidence >= self._floor[f.class_id]) for f in found]

    def _regions(self, picture: Observation) -> Sequence[PixelBox]:
        view, size = self._views[picture.view], picture.frame.size
        zones = [zone.bounds(size) for zone in view.zones]
        needs = self._needs.get(picture.view.camera_id, _ONE_LOOK)
        return plan_regions(size, zones, self._detector.input_size, needs).regions
