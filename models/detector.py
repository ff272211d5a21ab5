"""The detector port: pictures in, boxes in full-frame pixels out, whoever computes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from models.detections import Detections
from models.errors import DetectionError

ImageArray = npt.NDArray[np.uint8]


class Detector(Protocol):
    """Finds objects in pictures. One instance serves many cameras from many threads.

    Attributes:
        labels: Class names by class id.
        model_id: Name and first six digits of the weight's hash, "patrol11n@1f2e3d".
        input_size: (height, width) of the network's input in pixels.
        thresholds: Confidence by label at which the weight's card says an object is there.
    """

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def model_id(self) -> str: ...

    @property
    def input_size(self) -> tuple[int, int]: ...

    @property
    def thresholds(self) -> Mapping[str, float]: ...

    def detect(self, images: Sequence[ImageArray]) -> list[Detections]:
        """Detect in each picture; answers in the order of the pictures.

        Args:
            images: each (H, W, 3) uint8 BGR, any size, any strides; not written to.

        Returns:
            One `Detections` a picture, boxes in that picture's pixels, most confident first.

        Raises:
            DetectionError: a picture is not (H, W, 3) uint8, or an inference failed or hung.
            DetectorClosed: after `close()`.
        """
        ...

    def close(self) -> None:
        """Give the network back; a second call does nothing."""
        ...


def check_images(images: Sequence[ImageArray]) -> None:
    """Refuse what no backend can use.

    Raises:
        DetectionError: names the first picture that is not a (H, W, 3) uint8 array.
    """
    for index, image in enumerate(images):
        shape: tuple[int, ...] = getattr(image, "shape", ())
        dtype = getattr(image, "dtype", type(image).__name__)
        if dtype != np.uint8 or len(shape) != 3 or shape[2] != 3 or 0 in shape:
            raise DetectionError(
                f"picture {index} must be a (H, W, 3) uint8 BGR array, got {shape} {dtype}"
            )
