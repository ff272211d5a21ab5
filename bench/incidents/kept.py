"""Detections kept on disk, so that rules can be measured again without detecting (files)."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.detections import Detections
from models.detector import Detector
from models.region_plan import Enlargement, PixelBox, enlarged
from models.regions import detect_regions, detected_twice
from models.sureness import carry_floor
from pipeline.sightlines import doubted_below
from pipeline.types import Box
from streams.types import ImageArray


class KeptDetections:
    """What a weight found in the pictures of one clip or one day, in one file.

    The file is named by the source, the weight, the input size and the regions; pictures in it
    by what the caller tells them apart by.

    Args:
        detector: The weight to measure.
        folder: Where files are kept; made if missing.
        source: Tells clips and days apart: part of a file name.
        regions: Where to look in the source's pictures.
    """

    def __init__(
        self, detector: Detector, folder: Path, source: str, regions: Sequence[PixelBox]
    ) -> None:
        height, width = detector.input_size
        where = hashlib.sha256(str(regions).encode()).hexdigest()[:8]
        weight = detector.model_id.replace("/", "_")
        self._file = folder / f"{source}-{weight}-{height}x{width}-{where}.npz"
        self._detector, self._regions = detector, regions
        self._known = _load(self._file)
        self._is_new = False
        self._floor = carry_floor(detector.labels, detector.thresholds)
        self._doubted_below = doubted_below(detector.labels, detector.thresholds)
        folder.mkdir(parents=True, exist_ok=True)

    def see(
        self, name: str, image: ImageArray, regions: Sequence[PixelBox] | None = None
    ) -> tuple[Detections, float]:
        """Boxes of a picture, and the CPU seconds it cost when it was first seen.

        Args:
            name: Tells it from all other pictures and regions of the source.
            image: The full picture.
            regions: Where to look, where that is not the source's own.
        """
        if name not in self._known:
            before = time.process_time()
            found = detect_regions(self._detector, [(image, regions or self._regions)])[0]
            self._known[name] = found, time.process_time() - before
            self._is_new = True
        found, cpu_s = self._known[name]
        return found.where(found.confidence >= self._floor[found.class_id]), cpu_s

    def enlarged(self, places: Sequence[Box], size: tuple[int, int]) -> tuple[Enlargement, ...]:
        """Where a patrol would detect doubtful places (pixels of the full picture) once more."""
        return enlarged(places, self._regions, size, self._detector.input_size)

    def ask_again(
        self, name: str, image: ImageArray, found: Detections, doubts: Sequence[Enlargement]
    ) -> tuple[Detections, float]:
        """Boxes after doubtful places were detected once more, and what that cost.

        Args:
            name: As for `see`.
            image: The full picture.
            found: What `see` said of it.
            doubts: See `enlarged`.
        """
        size, answers, spent_s = (image.shape[1], image.shape[0]), [], 0.0
        for doubt in doubts:
            where = "-".join(str(side) for side in doubt.region)
            closer, cpu_s = self.see(f"{name}-{where}", image, [doubt.region])
            answers.append((doubt, closer))
            spent_s += cpu_s
        before = time.process_time()
        found = detected_twice(found, answers, size, self._doubted_below)
        found = found.where(found.confidence >= self._floor[found.class_id])
        return found, spent_s + time.process_time() - before

    def save(self) -> None:
        """Write what is not yet on disk."""
        if not self._is_new:
            return
        columns = {}
        for name, (found, cpu_s) in self._known.items():
            table = np.column_stack([found.xyxy, found.confidence, found.class_id])
            columns[name] = table.astype(np.float32)
            columns[f"cpu{name}"] = np.array(cpu_s, np.float32)
        part = self._file.with_suffix(".part.npz")
        np.savez_compressed(part, allow_pickle=False, **columns)
        os.replace(part, self._file)
        self._is_new = False


def picture_name(image: ImageArray) -> str:
    """Name of a picture by its bytes."""
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=12).hexdigest()


def _load(path: Path) -> dict[str, tuple[Detections, float]]:
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as stored:
        return {
            name: (
                Detections(
                    stored[name][:, :4], stored[name][:, 4], stored[name][:, 5].astype(np.int32)
                ),
                float(stored[f"cpu{name}"]),
            )
            for name in stored.files
            if not name.startswith("cpu")
        }
