"""What the worker asks of the detector: one call for pictures of many views."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.detections import Detections
from models.detector import Detector, ImageArray
from models.letterbox import Letterbox
from models.region_plan import Enlargement, PixelBox, RegionNeeds, enlarged, plan_regions
from models.regions import detected_twice, merge_regions
from models.sureness import carry_floor
from pipeline.boxes import to_pixels
from pipeline.engine.observations import Observation
from pipeline.engine.watch import WatchedView
from pipeline.geometry.calibration import Calibration
from pipeline.measures import Gauge, object_px
from pipeline.sightlines import doubted_below
from pipeline.types import ViewKey
from pipeline.zones import Zone
from streams.types import Shot

MOST_TILES = 12
"""Of one picture, shared by its zones."""


@dataclass(frozen=True, slots=True)
class Smallest:
    """The smallest object wanted in a view.

    Attributes:
        px: Its side in pixels of the full picture; None: by metres.
        metres: Its side in metres.
        gauge: The view's calibration, which metres need.
    """

    px: float | None = None
    metres: float | None = None
    gauge: Gauge | None = None


class Sight:
    """Detects where the zones are, at the pixel density that they need.

    Args:
        detector: Any backend.
        smallest: By view; views that are not named get one look at the zones' surroundings.
    """

    def __init__(self, detector: Detector, smallest: Mapping[ViewKey, Smallest]) -> None:
        self._detector = detector
        self._smallest = dict(smallest)
        self._views: dict[ViewKey, WatchedView] = {}
        self._floor = carry_floor(detector.labels, detector.thresholds)
        self._doubted_below = doubted_below(detector.labels, detector.thresholds)

    def watch(self, views: Sequence[WatchedView]) -> None:
        """The views whose pictures will come."""
        self._views = {view.key: view for view in views}

    def __call__(self, pictures: Sequence[Observation]) -> list[Detections]:
        """Boxes in full-frame pixels, in the order of the pictures; errors as `Detector.detect`.

        Doubtful places of a view are detected twice, see `detected_twice`.
        """
        planned = [self._regions(p) for p in pictures]
        doubts = [self._enlarged(p, r) for p, r in zip(pictures, planned, strict=True)]
        wanted = [(p.shot, r) for p, r in zip(pictures, planned, strict=True)]
        for picture, enlargements in zip(pictures, doubts, strict=True):
            wanted += [(picture.shot, [e.region]) for e in enlargements]
        found = iter(self.see(wanted))
        once = [next(found) for _ in pictures]
        return [
            self._asked_again(boxes, [(e, next(found)) for e in enlargements], picture.shot.size)
            for picture, boxes, enlargements in zip(pictures, once, doubts, strict=True)
        ]

    def see(self, wanted: Sequence[tuple[Shot, Sequence[PixelBox]]]) -> list[Detections]:
        """Detect in regions of pictures, each converted at the network's own size only.

        Args:
            wanted: Pictures with the regions to look at, in full-frame pixels.
        """
        cuts = [self._cut(shot, region) for shot, regions in wanted for region in regions]
        seen = iter(self._detector.detect(cuts))
        return [self._merged(shot, regions, seen) for shot, regions in wanted]

    def _regions(self, picture: Observation) -> Sequence[PixelBox]:
        key, size = picture.view, picture.shot.size
        if picture.close is not None:
            return [(0, 0, *size)]
        zones, smallest = self._views[key].zones, self._smallest.get(key)
        return [_even(region, size) for region in self._planned(zones, size, smallest)]

    def _enlarged(
        self, picture: Observation, planned: Sequence[PixelBox]
    ) -> tuple[Enlargement, ...]:
        if picture.close is not None:
            return ()
        size = picture.shot.size
        places = [to_pixels(p, size) for p in self._views[picture.view].doubtful_places]
        return tuple(
            Enlargement(e.places, _even(e.region, size))
            for e in enlarged(places, planned, size, self._detector.input_size)
        )

    def _asked_again(
        self,
        found: Detections,
        answers: Sequence[tuple[Enlargement, Detections]],
        size: tuple[int, int],
    ) -> Detections:
        found = detected_twice(found, answers, size, self._doubted_below)
        return found.where(found.confidence >= self._floor[found.class_id])

    def _planned(
        self, zones: Sequence[Zone], size: tuple[int, int], smallest: Smallest | None
    ) -> Sequence[PixelBox]:
        calibration = smallest.gauge.at(size) if smallest and smallest.gauge else None
        if calibration is not None and smallest is not None and smallest.metres is not None:
            return self._by_distance(zones, calibration, smallest.metres)
        needs = RegionNeeds(object_px=smallest.px if smallest else None)
        bounds = [zone.bounds(size) for zone in zones]
        return plan_regions(size, bounds, self._detector.input_size, needs).regions

    def _by_distance(
        self, zones: Sequence[Zone], calibration: Calibration, metres: float
    ) -> Sequence[PixelBox]:
        """Each zone at the density that it needs: a far one is tiled, a near one is not."""
        size, most = calibration.image_size, max(1, MOST_TILES // max(1, len(zones)))
        regions: dict[PixelBox, None] = {}
        for zone in zones:
            needs = RegionNeeds(object_px(calibration, zone, metres), max_tiles=most)
            plan = plan_regions(size, [zone.bounds(size)], self._detector.input_size, needs)
            regions.update(dict.fromkeys(plan.regions))
        return tuple(regions)

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
