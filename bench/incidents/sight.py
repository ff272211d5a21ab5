"""What sees a clip: a weight whose answers are kept, or the truth itself (files)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from bench.incidents.footage import TrueClip, zones_of
from bench.incidents.kept import KeptDetections
from models.detections import Detections
from models.detector import Detector
from models.labels import LABELS
from models.region_plan import PixelBox, RegionNeeds, plan_regions
from pipeline.engine.watch import Count
from pipeline.types import Box, CrowdCount
from pipeline.zones import Zone
from streams.types import ImageArray, Shot


class Sight(Protocol):
    """What sees a clip: boxes of one picture, and the CPU time that cost.

    Attributes:
        labels: Class names by class id.
        thresholds: The card's confidence by label at which an object is there.
        model_id: Goes into results.
    """

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def thresholds(self) -> Mapping[str, float]: ...

    @property
    def model_id(self) -> str: ...

    def open(self, clip: TrueClip) -> None: ...

    def see(self, index: int, image: ImageArray) -> tuple[Detections, float]: ...

    def ask_again(
        self, index: int, image: ImageArray, found: Detections, places: Sequence[Box]
    ) -> tuple[Detections, float]: ...

    def see_in(
        self, t_s: float, image: ImageArray, regions: Sequence[PixelBox]
    ) -> tuple[Detections, float]: ...

    def count(
        self, shot: Shot, zones: Sequence[Zone], found: Detections
    ) -> tuple[CrowdCount, ...]: ...

    def close(self) -> None: ...


class CachedSight:
    """A detector as the patrol uses it (zone crops, tiles), its answers kept on disk.

    They are kept by the clip's hash and the number of the picture; see `KeptDetections`.

    Args:
        detector: The weight to measure.
        folder: Where answers are kept.
        counter: How the patrol counts crowds; None counts tracks.
    """

    def __init__(self, detector: Detector, folder: Path, counter: Count | None = None) -> None:
        self._detector, self._folder, self._counter = detector, folder, counter
        self._kept: KeptDetections | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names of the detector."""
        return self._detector.labels

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Of the detector's card."""
        return self._detector.thresholds

    @property
    def model_id(self) -> str:
        """Name and hash of the weight."""
        return self._detector.model_id

    def open(self, clip: TrueClip) -> None:
        """Take up what is known of a clip, and keep what was learned of the one before."""
        self.close()
        regions = regions_of(clip, self._detector.input_size)
        self._kept = KeptDetections(self._detector, self._folder, clip.sha256[:16], regions)

    def see(self, index: int, image: ImageArray) -> tuple[Detections, float]:
        """Boxes of a picture, and the CPU seconds it cost when it was first seen."""
        assert self._kept is not None, "open() comes first"
        return self._kept.see(str(index), image)

    def ask_again(
        self, index: int, image: ImageArray, found: Detections, places: Sequence[Box]
    ) -> tuple[Detections, float]:
        """Boxes after doubtful places (pixels) were detected twice, and what that cost."""
        assert self._kept is not None, "open() comes first"
        doubts = self._kept.enlarged(places, (image.shape[1], image.shape[0]))
        return self._kept.ask_again(str(index), image, found, doubts)

    def see_in(
        self, t_s: float, image: ImageArray, regions: Sequence[PixelBox]
    ) -> tuple[Detections, float]:
        """Boxes in regions of the picture of a second, as a look-back asks for them."""
        assert self._kept is not None, "open() comes first"
        where = "-".join(str(side) for region in regions for side in region)
        return self._kept.see(f"{t_s:.3f}-{where}", image, regions)

    def count(self, shot: Shot, zones: Sequence[Zone], found: Detections) -> tuple[CrowdCount, ...]:
        """People in the zones with a crowding rule, as the patrol counts them."""
        return self._counter(shot, zones, found) if self._counter else ()

    def close(self) -> None:
        """Write what is not yet on disk."""
        if self._kept is not None:
            self._kept.save()


def regions_of(clip: TrueClip, input_size: tuple[int, int]) -> Sequence[PixelBox]:
    """Where the patrol would look in a clip's pictures."""
    size = clip.truth.clip.size
    zones = [zone.bounds(size) for zone in zones_of(clip.truth)]
    smallest = clip.truth.smallest_object_px
    needs = RegionNeeds(object_px=smallest) if smallest else RegionNeeds(0.001, max_tiles=1)
    return plan_regions(size, zones, input_size, needs).regions


class TruthSight:
    """A detector that cannot err: the truth's boxes. Measures decisions apart from detection.

    Args:
        miss: Share of boxes that it misses all the same, drawn from the picture's number.
        jitter: Standard deviation of its boxes' corners, as a share of their size.
        least_visible: Percent of a thing that must be visible.
    """

    def __init__(self, miss: float = 0.0, jitter: float = 0.0, least_visible: int = 30) -> None:
        self._miss, self._jitter, self._least = miss, jitter, least_visible
        self._clip: TrueClip | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """All classes of the patrol."""
        return LABELS

    @property
    def thresholds(self) -> Mapping[str, float]:
        """None: it is always sure."""
        return {}

    @property
    def model_id(self) -> str:
        """Says that this is no model."""
        return f"truth@miss{self._miss:g}-jitter{self._jitter:g}"

    def open(self, clip: TrueClip) -> None:
        """Look at another clip."""
        self._clip = clip

    def see(self, index: int, image: ImageArray) -> tuple[Detections, float]:
        """The true boxes of a picture."""
        assert self._clip is not None, "open() comes first"
        rng = np.random.default_rng([index, 9])
        rows = []
        for thing, (left, top, right, bottom, percent) in self._clip.truth.boxes_at(index):
            if thing.label not in LABELS or percent < self._least or rng.random() < self._miss:
                continue
            noise = rng.normal(0, self._jitter, 4) * np.tile((right - left, bottom - top), 2)
            corners = np.array((left, top, right, bottom)) + noise
            corners = np.clip(corners, 0, np.tile(image.shape[1::-1], 2))
            if min(corners[2] - corners[0], corners[3] - corners[1]) < 3:
                continue
            rows.append((*corners, 0.9, LABELS.index(thing.label)))
        table = np.array(rows, np.float32).reshape(-1, 6)
        found = Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int32))
        return found, 0.0

    def ask_again(
        self, index: int, image: ImageArray, found: Detections, places: Sequence[Box]
    ) -> tuple[Detections, float]:
        """The same: true boxes are not in doubt."""
        return found, 0.0

    def see_in(
        self, t_s: float, image: ImageArray, regions: Sequence[PixelBox]
    ) -> tuple[Detections, float]:
        """The true boxes of the picture of a second, wherever they are."""
        assert self._clip is not None, "open() comes first"
        return self.see(round(t_s * self._clip.truth.clip.fps), image)

    def count(self, shot: Shot, zones: Sequence[Zone], found: Detections) -> tuple[CrowdCount, ...]:
        """Nothing: true boxes do not saturate, the rule counts its tracks."""
        return ()

    def close(self) -> None:
        """Nothing is held."""
