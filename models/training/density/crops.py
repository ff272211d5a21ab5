"""Random crops of counted pictures, as a camera might show them, with their density targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.evaluation.detect import read_picture
from models.letterbox import PAD_VALUE
from models.training.augment import Image, camera_effects
from models.training.density.network import STRIDE
from models.training.manifest import Picture

Points = npt.NDArray[np.float32]
"""(M, 2) x, y in pixels."""

SPREAD_CELLS = 0.6
"""Standard deviation of a person in the target: head points are a few pixels off."""


@dataclass(frozen=True, slots=True)
class CropPlan:
    """How crops are cut.

    Attributes:
        size_px: side of a crop, a multiple of 32.
        scale: range of the enlargement, drawn evenly in its logarithm.
        effects: share of crops that get a camera's colours, night, blur, compression.
    """

    size_px: int = 320
    scale: tuple[float, float] = (0.55, 1.4)
    effects: float = 0.5


def target_map(points: Points, rows: int, columns: int) -> npt.NDArray[np.float32]:
    """(rows, columns) people per cell; each point inside adds exactly one, those outside nothing.

    A person is a Gaussian of `SPREAD_CELLS`, cut off at the border and scaled to one again.

    Args:
        points: pixels of a picture of (rows * STRIDE, columns * STRIDE).
    """
    cells = points / STRIDE
    cells = cells[np.all((cells >= 0) & (cells < (columns, rows)), axis=1)]
    x = _profile(cells[:, 0], columns)
    y = _profile(cells[:, 1], rows)
    return np.asarray(y.T @ x, np.float32)


def _profile(at: npt.NDArray[np.floating[Any]], cells: int) -> npt.NDArray[np.float64]:
    """(M, cells) share of each point in each cell along one axis."""
    distance = (np.arange(cells) + 0.5)[None] - at[:, None]
    share = np.exp(-0.5 * (distance / SPREAD_CELLS) ** 2)
    return np.asarray(share / share.sum(1, keepdims=True))


def cut(
    image: Image, points: Points, plan: CropPlan, rng: np.random.Generator
) -> tuple[Image, Points]:
    """A random window of a picture, scaled, mirrored by chance; padding where it ends.

    Args:
        image: (H, W, 3) uint8 BGR.
        points: head points in its pixels.
    """
    scale = float(np.exp(rng.uniform(*np.log(plan.scale))))
    room = np.array(image.shape[1::-1]) * scale - plan.size_px
    left, top = rng.uniform(np.minimum(room, 0), np.maximum(room, 0))
    mirrored = rng.random() < 0.5
    across, shift = (-scale, plan.size_px + left) if mirrored else (scale, -left)
    placed = np.array([[across, 0, shift], [0, scale, -top]], np.float64)
    centred = placed.copy()  # warpAffine maps pixel centres, points lie between pixel edges
    centred[:, 2] += placed[:, :2].sum(1) * 0.5 - 0.5
    crop = cv2.warpAffine(
        image,
        centred,
        (plan.size_px, plan.size_px),
        flags=cv2.INTER_AREA if scale < 0.7 else cv2.INTER_LINEAR,
        borderValue=(PAD_VALUE,) * 3,
    )
    moved = points @ placed[:, :2].T + placed[:, 2]
    if rng.random() < plan.effects:
        crop = camera_effects(np.asarray(crop, np.uint8), rng)
    return np.asarray(crop, np.uint8), np.asarray(moved, np.float32)


class Crops:
    """An endless, seeded stream of batches from pictures held in memory."""

    def __init__(
        self, pictures: Sequence[Picture], plan: CropPlan, batch_size: int, seed: int
    ) -> None:
        self.pictures, self.plan, self.batch_size, self.seed = pictures, plan, batch_size, seed
        self._images = [read_picture(p) for p in pictures]
        self._points = [
            points_of(p, image) for p, image in zip(pictures, self._images, strict=True)
        ]

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Batch `step`: (N, 3, S, S) float32 RGB in 0..1 and (N, 1, S/8, S/8) targets.

        It depends on seed and step alone, so that a resumed run sees what it would have seen.
        """
        rng = np.random.default_rng((self.seed, step))
        cells = self.plan.size_px // STRIDE
        images, targets = [], []
        for index in rng.integers(0, len(self._images), self.batch_size):
            crop, points = cut(self._images[index], self._points[index], self.plan, rng)
            images.append(torch.from_numpy(np.ascontiguousarray(crop[..., ::-1])))
            targets.append(torch.from_numpy(target_map(points, cells, cells))[None])
        pixels = torch.stack(images).permute(0, 3, 1, 2).float().div_(255)
        return pixels.contiguous(memory_format=torch.channels_last), torch.stack(targets)


def points_of(picture: Picture, image: Image) -> Points:
    """Head points of a counted picture in pixels of `image`.

    Raises:
        ValueError: the picture was not counted.
    """
    if picture.points is None:
        raise ValueError(f"a counted picture must have points, {picture.key} has none")
    size = np.array(image.shape[1::-1], np.float32)
    return np.asarray(picture.points * size, np.float32)
