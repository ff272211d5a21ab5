"""Detections of clips, kept on disk so that thresholds can be swept cheaply (file input, output)."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Protocol

import numpy as np

from bench.incidents.footage import TrueClip
from models.detections import Detections
from models.detector import Detector
from models.labels import LABELS
from streams.types import ImageArray


class Sight(Protocol):
    """What sees a clip: boxes of one picture, and the CPU time that cost.

    Attributes:
        labels: Class names by class id.
        model_id: Goes into results.
    """

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def model_id(self) -> str: ...

    def open(self, clip: TrueClip) -> None: ...

    def see(self, index: int, image: ImageArray) -> tuple[Detections, float]: ...

    def close(self) -> None: ...


class CachedSight:
    """A detector whose answers are kept by (clip's hash, weight, input size, picture)."""

    def __init__(self, detector: Detector, folder: Path) -> None:
        self._detector = detector
        self._folder = folder
        self._known: dict[int, tuple[Detections, float]] = {}
        self._file: Path | None = None
        self._dirty = False
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names of the detector."""
        return self._detector.labels

    @property
    def model_id(self) -> str:
        """Name and hash of the weight."""
        return self._detector.model_id

    def open(self, clip: TrueClip) -> None:
        """Take up what is known of a clip, and keep what was learned of the one before."""
        self._save()
        height, width = self._detector.input_size
        name = f"{clip.sha256[:16]}-{self.model_id.replace('/', '_')}-{height}x{width}.npz"
        self._file = self._folder / name
        self._known = _load(self._file)
        self._dirty = False

    def see(self, index: int, image: ImageArray) -> tuple[Detections, float]:
        """Boxes of a picture, and the CPU seconds it cost when it was first seen."""
        if index not in self._known:
            before = time.process_time()
            found = self._detector.detect([image])[0]
            self._known[index] = found, time.process_time() - before
            self._dirty = True
        return self._known[index]

    def close(self) -> None:
        """Write what is not yet on disk."""
        self._save()

    def _save(self) -> None:
        if self._file is None or not self._dirty:
            return
        columns = {}
        for index, (found, cpu_s) in self._known.items():
            table = np.column_stack([found.xyxy, found.confidence, found.class_id])
            columns[str(index)] = table.astype(np.float32)
            columns[f"cpu{index}"] = np.array(cpu_s, np.float32)
        part = self._file.with_suffix(".part.npz")
        np.savez_compressed(part, allow_pickle=False, **columns)
        os.replace(part, self._file)
        self._dirty = False


def _load(path: Path) -> dict[int, tuple[Detections, float]]:
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as stored:
        return {
            int(name): (
                Detections(
                    stored[name][:, :4], stored[name][:, 4], stored[name][:, 5].astype(np.int32)
                ),
                float(stored[f"cpu{name}"]),
            )
            for name in stored.files
            if name.isdigit()
        }


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

    def close(self) -> None:
        """Nothing is held."""
