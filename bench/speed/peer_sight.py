"""Clips as the peers see them: their scaling, boxes and choice of pictures; rules are ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from models.detections import Detections

if TYPE_CHECKING:  # a measured peer must not load what only the incident benchmark needs
    from bench.incidents.footage import TrueClip
    from models.detector import Detector
    from models.region_plan import PixelBox
    from pipeline.engine.watch import Count
    from pipeline.types import Box, CrowdCount
    from pipeline.zones import Zone
    from streams.types import ImageArray, Shot

FRIGATE_SIZE, FRIGATE_FPS = (640, 360), 5
"""What Frigate's documentation decodes for detection."""

_MOTION_LINES, _MOTION_STEP, _MOTION_AREA = 100, 30, 10
"""Frigate's defaults: frame_height 100, threshold 30, contour_area 10."""


class Peer(Protocol):
    """What sees the pictures of one camera, in order."""

    def begin(self) -> None:
        """Another camera follows."""
        ...

    def see(self, image: ImageArray) -> Detections:
        """Boxes of the next picture, in its pixels."""
        ...


class MotionGate:
    """Frigate's gate: contours of what differs from a running average of a small grey picture."""

    def __init__(self) -> None:
        self._average: npt.NDArray[np.float32] | None = None

    def opens(self, luma: ImageArray) -> bool:
        """Whether there is motion; the average is renewed.

        Args:
            luma: (H, W) uint8 brightness of the next picture.
        """
        grey = cv2.resize(luma, (178, _MOTION_LINES))
        if self._average is None:
            self._average = grey.astype(np.float32)
        apart = cv2.absdiff(grey, cv2.convertScaleAbs(self._average))
        cv2.accumulateWeighted(grey, self._average, 0.2)
        _, mask = cv2.threshold(apart, _MOTION_STEP, 255, cv2.THRESH_BINARY)
        grown = cv2.dilate(mask, np.ones((3, 3), np.uint8))
        contours, _ = cv2.findContours(grown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        return any(cv2.contourArea(c) > _MOTION_AREA for c in contours)


class Frigate:
    """Small pictures; the first is detected, then those in which the gate opens. What stands still
    keeps its boxes."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.begin()

    def begin(self) -> None:
        """See `Peer.begin`."""
        self._gate, self._last = MotionGate(), Detections()
        self._is_first = True

    def see(self, image: ImageArray) -> Detections:
        """See `Peer.see`."""
        small = np.asarray(cv2.resize(image, FRIGATE_SIZE, interpolation=cv2.INTER_AREA), np.uint8)
        luma = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2YUV_I420)[: FRIGATE_SIZE[1]], np.uint8)
        if self._gate.opens(luma) or self._is_first:
            self._is_first = False
            (found,) = self._detector.detect([small])
            across, down = image.shape[1] / FRIGATE_SIZE[0], image.shape[0] / FRIGATE_SIZE[1]
            scale = np.array([across, down, across, down], np.float32)
            self._last = Detections(found.xyxy * scale, found.confidence, found.class_id)
        return self._last


class Predict:
    """Ultralytics' `predict` on whole pictures."""

    def __init__(self, model: Any, options: Mapping[str, Any]) -> None:
        self._model, self._options = model, options

    def begin(self) -> None:
        """Nothing is remembered."""

    def see(self, image: ImageArray) -> Detections:
        """See `Peer.see`."""
        return _boxes(self._model.predict(image, **self._options))


class Track:
    """Ultralytics' `track` on whole pictures: the boxes in its answer, as its users take them.

    Those are of tracks; while there is no track at all, they are what was detected.
    """

    def __init__(self, model: Any, options: Mapping[str, Any]) -> None:
        self._model, self._options = model, options
        self._is_first = True

    def begin(self) -> None:
        """Its tracks are forgotten."""
        self._is_first = True

    def see(self, image: ImageArray) -> Detections:
        """See `Peer.see`."""
        persist, self._is_first = not self._is_first, False
        return _boxes(self._model.track(image, persist=persist, **self._options))


def _boxes(results: Sequence[Any]) -> Detections:
    found = results[0].boxes
    corners = found.xyxy.numpy().astype(np.float32)
    return Detections(corners, found.conf.numpy(), found.cls.numpy().astype(np.int32))


class PeerSight:
    """A `Sight` for the incident benchmark that sees as a peer does; nothing is kept on disk.

    Args:
        peer: What sees.
        detector: Of the same weight: names of classes and their thresholds.
        counter: How people are counted in its boxes.
    """

    def __init__(self, peer: Peer, detector: Detector, counter: Count) -> None:
        self._peer, self._detector, self._counter = peer, detector, counter

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names of the weight."""
        return self._detector.labels

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Of the weight's card."""
        return self._detector.thresholds

    @property
    def model_id(self) -> str:
        """Name of the peer, name and hash of the weight."""
        return f"{type(self._peer).__name__} with {self._detector.model_id}"

    def open(self, clip: TrueClip) -> None:
        """Look at another clip."""
        self._peer.begin()

    def see(self, index: int, image: ImageArray) -> tuple[Detections, float]:
        """What the peer finds in the next picture; its cost is measured elsewhere."""
        return self._peer.see(image), 0.0

    def ask_again(
        self, index: int, image: ImageArray, found: Detections, places: Sequence[Box]
    ) -> tuple[Detections, float]:
        """The same: no peer asks twice."""
        return found, 0.0

    def see_in(
        self, t_s: float, image: ImageArray, regions: Sequence[PixelBox]
    ) -> tuple[Detections, float]:
        """Nothing: no peer looks back."""
        return Detections(), 0.0

    def count(self, shot: Shot, zones: Sequence[Zone], found: Detections) -> tuple[CrowdCount, ...]:
        """People in the zones with a crowding rule, by the peer's boxes."""
        return self._counter(shot, zones, found)

    def close(self) -> None:
        """Nothing is held."""
