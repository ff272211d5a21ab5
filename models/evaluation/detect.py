"""Runs a detector over annotated pictures and keeps what it finds. Reads picture files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np

from models.detections import Detections
from models.detector import Detector, ImageArray
from models.evaluation.score import Scored
from models.region_plan import PixelBox
from models.regions import detect_regions
from models.sureness import carry_floor
from models.training.manifest import Picture

BATCH = 8

TILED_SETS = ("eagle",)
"""Sets from high up, which a patrol looks at in tiles; scored both ways."""

PYRAMID: tuple[tuple[int, float], ...] = ((1, 1.0), (2, 0.6), (4, 0.3))
"""Tiles per side, and the share of the side that each covers.

Measured with patrol11n@3e9582 on persons of 28 px from high up, mAP50: whole and 2x2 0.441, 3x3 of
0.4 0.534, 4x4 of 0.3 0.581, 5x5 of 0.24 0.556, all three levels 0.589; cars 0.829, 0.787, 0.809,
0.771 and 0.822."""

TILED_FLOOR = 0.02
"""Confidence floor in tiles: merging what tiles saw compares boxes pair by pair."""


def scored_pictures(
    pictures: Sequence[Picture],
    detector: Detector,
    *,
    tiled: bool = False,
) -> Iterator[Scored]:
    """Detect in every picture, in order.

    Args:
        detector: loaded with a very low confidence floor.
        tiled: look at each picture in `pyramid` regions.

    Raises:
        OSError: a picture cannot be read.
    """
    for start in range(0, len(pictures), BATCH):
        group = pictures[start : start + BATCH]
        images = [read_picture(p) for p in group]
        for picture, image, found in zip(
            group, images, _look(detector, images, tiled), strict=True
        ):
            yield Scored(picture, (image.shape[1], image.shape[0]), found)


def seen_by_patrol(
    pictures: Sequence[Picture], detector: Detector, thresholds: Mapping[str, float]
) -> list[Scored]:
    """What a patrol's counters get to see of pictures; errors as `scored_pictures`.

    Args:
        detector: loaded with the settings that a site has by default.
        thresholds: the card's confidence by label.
    """
    floor = carry_floor(detector.labels, thresholds)
    return [
        replace(s, found=s.found.where(s.found.confidence >= floor[s.found.class_id]))
        for s in scored_pictures(pictures, detector)
    ]


def _look(detector: Detector, images: Sequence[ImageArray], tiled: bool) -> Sequence[Detections]:
    if not tiled:
        return detector.detect(images)
    plans = [(image, pyramid(image.shape[1], image.shape[0])) for image in images]
    return detect_regions(detector, plans)


def read_picture(picture: Picture) -> ImageArray:
    """(H, W, 3) uint8 BGR."""
    image = cv2.imread(str(picture.path), cv2.IMREAD_COLOR)
    if image is None:
        raise OSError(f"picture must be readable: {picture.path}")
    return np.asarray(image, np.uint8)


def pyramid(width: int, height: int) -> list[PixelBox]:
    """The whole picture and overlapping tiles of `PYRAMID`, pixels."""
    out = []
    for count, share in PYRAMID:
        w, h = round(width * share), round(height * share)
        steps = [i / (count - 1) if count > 1 else 0.0 for i in range(count)]
        corners = [(round(x * (width - w)), round(y * (height - h))) for y in steps for x in steps]
        out += [(x, y, x + w, y + h) for x, y in corners]
    return out
