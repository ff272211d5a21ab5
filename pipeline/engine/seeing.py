"""What the worker asks of the detector: one call for pictures of many views."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from models.detections import Detections
from models.detector import Detector, ImageArray
from models.letterbox import Letterbox
from models.region_plan import PixelBox, RegionNeeds, plan_regions
from models.regions import merge_regions
from pipeline.engine.observations import Observation
from pipeline.engine.watch import WatchedView
from pipeline.types import ViewKey
from streams.types import Shot

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
        return self.see([(p.shot, self._regions(p.view, p.shot)) for p in pictures])

    def see(self, wanted: Sequence[tuple[Shot, Sequence[PixelBox]]]) -> list[Detections]:
        """Detect in regions of pictures, each converted at the network's own size only.

        Args:
            wanted: Pictures with the regions to look at, in full-frame pixels.
        """
        cuts = [self._cut(shot, region) for shot, regions in wanted for region in regions]
        seen = iter(self._detector.detect(cuts))
        return [self._merged(shot, regions, seen) for shot, regions in wanted]

    def _regions(self, key: ViewKey, shot: Shot) -> Sequence[PixelBox]:
        zones = [zone.bounds(shot.size) for zone in self._views[key].zones]
        needs = self._needs.get(key.camera_id, _ONE_LOOK)
        plan = plan_regions(shot.size, zones, self._detector.input_size, needs)
        return [_even(region, shot.size) for region in plan.regions]

    def _cut(self, shot: Shot, region: PixelBox) -> ImageArray:
        """The region as large as it will lie in the network's input."""
        _, _, height, width = self._fit(region).placed
        return shot.sampled((width, height), region)

    def _merged(
        self, shot: Shot, regions: Sequence[PixelBox], seen: Iterator[Detections]
    ) -> Detections:
        parts = []
        for region in regions:
            part, fit = next(seen), self._fit(region)
            height, width = fit.image_size
            scale = np.array([width / fit.placed[3], height / fit.placed[2]] * 2, np.float32)
            parts.append(Detections(part.xyxy * scale, part.confidence, part.class_id))
        found = merge_regions(parts, regions, shot.size)
        return found.where(found.confidence >= self._floor[found.class_id])

    def _fit(self, region: PixelBox) -> Letterbox:
        left, top, right, bottom = region
        return Letterbox.fit((bottom - top, right - left), self._detector.input_size)


def _even(region: PixelBox, size: tuple[int, int]) -> PixelBox:
    """The region grown to even pixels, on which the planes of a picture can be cut."""
    left, top, right, bottom = region
    return left & ~1, top & ~1, min(size[0], right + 1 & ~1), min(size[1], bottom + 1 & ~1)
