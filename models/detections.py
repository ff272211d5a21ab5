"""What a detector found in one picture, as a column-array value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]


def _no_boxes() -> FloatArray:
    return np.zeros((0, 4), np.float32)


def _no_scores() -> FloatArray:
    return np.zeros(0, np.float32)


def _no_classes() -> IntArray:
    return np.zeros(0, np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Boxes of one picture; row i of every column is one object.

    Attributes:
        xyxy: (N, 4) float32, pixels of the full frame: left, top, right, bottom.
        confidence: (N,) float32 in 0..1.
        class_id: (N,) int32, index into the detector's labels.
    """

    xyxy: FloatArray = field(default_factory=_no_boxes)
    confidence: FloatArray = field(default_factory=_no_scores)
    class_id: IntArray = field(default_factory=_no_classes)

    def __post_init__(self) -> None:
        n = len(self.confidence)
        if self.xyxy.shape != (n, 4) or self.class_id.shape != (n,):
            raise ValueError(
                f"columns must have one length: xyxy {self.xyxy.shape}, "
                f"confidence {self.confidence.shape}, class_id {self.class_id.shape}"
            )

    def __len__(self) -> int:
        return len(self.confidence)

    def where(self, mask: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Detections:
        """The rows that a boolean mask or an index array of shape (N,) or (M,) selects."""
        return Detections(self.xyxy[mask], self.confidence[mask], self.class_id[mask])

    @staticmethod
    def concat(parts: Sequence[Detections]) -> Detections:
        """All rows of several detections of the same picture, in order."""
        if not parts:
            return Detections()
        return Detections(
            np.concatenate([p.xyxy for p in parts]),
            np.concatenate([p.confidence for p in parts]),
            np.concatenate([p.class_id for p in parts]),
        )
