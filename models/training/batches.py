"""Keeps decoded pictures in memory and serves training batches from a worker process."""

from __future__ import annotations

import ctypes
import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset

from models.training.augment import Image
from models.training.compose import Cut, Recipe, cut
from models.training.teacher import Lesson

CACHE_SIDE_PX, CACHE_SIDE_ABOVE_PX = 800, 1152
"""Pictures are kept at most this large, those from high up larger: as large as the sets are."""


def decode(lesson: Lesson) -> Image:
    """A picture as (H, W, 3) uint8 BGR, longer side at most as large as is kept.

    Raises:
        OSError: the file cannot be read as a picture.
    """
    image = cv2.imread(str(lesson.picture.path), cv2.IMREAD_COLOR)
    if image is None:
        raise OSError(f"picture must be readable: {lesson.picture.path}")
    most = CACHE_SIDE_ABOVE_PX if lesson.picture.from_above else CACHE_SIDE_PX
    factor = most / max(image.shape[:2])
    if factor < 1:
        image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(image, np.uint8)


@dataclass(frozen=True, slots=True)
class Phases:
    """Recipes over the course of a run: the last one begins at `final_from` of the progress."""

    first: Recipe
    final: Recipe
    final_from: float = 0.75

    def at(self, progress: float) -> Recipe:
        """The recipe at a progress of 0..1; the mosaic fades out towards the final phase."""
        if progress >= self.final_from:
            return self.final
        fade = 1 - 0.5 * progress / self.final_from
        return replace(self.first, mosaic=self.first.mosaic * fade)


class Batches(Dataset[dict[str, Any]]):
    """Batch i of a run: drawn and cut by a generator seeded with (seed, i), so that a resumed run
    goes on with the batches it would have had.

    Args:
        steps: length of the run, if it has so many batches and no set time: then the recipe of a
            batch follows from its number alone, else from the progress at which it is drawn.
    """

    def __init__(
        self,
        lessons: Sequence[Lesson],
        weights: npt.NDArray[np.float64],
        phases: Phases,
        batch_size: int,
        seed: int,
        steps: int | None = None,
    ) -> None:
        self.lessons = list(lessons)
        self.images = [decode(lesson) for lesson in lessons]
        self.weights = weights
        self.phases = phases
        self.batch_size = batch_size
        self.seed = seed
        self.steps = steps
        self.progress: Any = multiprocessing.Value(ctypes.c_double, 0.0)

    def __getitem__(self, index: int) -> dict[str, Any]:
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self.seed, index))
        progress = index / self.steps if self.steps else self.progress.value
        recipe = self.phases.at(progress)
        return collate([self._cut(recipe, rng) for _ in range(self.batch_size)])

    def _cut(self, recipe: Recipe, rng: np.random.Generator) -> Cut:
        count = 4 if rng.random() < recipe.mosaic else 1
        chosen = rng.choice(len(self.lessons), count, p=self.weights)
        return cut([(self.images[i], self.lessons[i]) for i in chosen], recipe, rng)

    def stream(self, start: int, workers: int = 1) -> Iterator[dict[str, Any]]:
        """Batches from number `start` on, without end.

        OpenCV's threads end for good: a worker forked beside them hangs at its first picture.
        """
        cv2.setNumThreads(1)
        order = range(start, start + 10_000_000)
        prefetch = 3 if workers else None
        return iter(
            DataLoader(
                self, batch_size=None, sampler=order, num_workers=workers, prefetch_factor=prefetch
            )
        )


def collate(cuts: Sequence[Cut]) -> dict[str, Any]:
    """Tensors of a batch as the loss wants them: img uint8 RGB (B, 3, S, S), batch_idx and cls
    (N,), bboxes (N, 4) normalised centre form, known (B, C, S/8, S/8), unasked (B, 1, S/8, S/8)."""
    image = np.stack([c.image[:, :, ::-1] for c in cuts])
    size = cuts[0].image.shape[0]
    xyxy = np.concatenate([c.xyxy for c in cuts]) / size
    centre = np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]], 1)
    number = np.repeat(np.arange(len(cuts)), [len(c.xyxy) for c in cuts])
    return {
        "img": torch.from_numpy(np.ascontiguousarray(image)).permute(0, 3, 1, 2),
        "batch_idx": torch.from_numpy(number).float(),
        "cls": torch.from_numpy(np.concatenate([c.class_id for c in cuts])).float(),
        "bboxes": torch.from_numpy(centre).float(),
        "known": torch.from_numpy(np.stack([c.known for c in cuts])),
        "unasked": torch.from_numpy(np.stack([c.unasked[None] for c in cuts])),
    }
