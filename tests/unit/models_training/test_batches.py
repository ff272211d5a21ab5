"""Which pictures a run draws."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from models.labels import LABELS
from models.training.batches import Batches, Phases
from models.training.compose import Recipe
from models.training.manifest import Picture
from models.training.teacher import lesson

HELMET = LABELS.index("helmet")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    noise = np.random.default_rng(3).integers(0, 255, (96, 96, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), noise)
    return tmp_path / "a.png"


def drawn(path: Path, steps: int | None, progress: float) -> np.ndarray:
    """Batch 2 of a run, drawn when the run stands at some progress."""
    boxes, classes = np.float32([[0.5, 0.5, 0.3, 0.3]]), np.int32([HELMET])
    shown = Picture(path, "helmet", "train", "MIT", "", frozenset({HELMET}), boxes, classes)
    phases = Phases(Recipe(size_px=64, mosaic=1.0), Recipe(size_px=64, mosaic=0.0))
    batches = Batches([lesson(shown, None)], np.ones(1), phases, 2, seed=5, steps=steps)
    batches.progress.value = progress
    return batches[2]["img"].numpy()


def test_a_run_of_so_many_steps_draws_the_same_whenever_it_is_drawn(path: Path) -> None:
    assert np.array_equal(drawn(path, 10, 0.0), drawn(path, 10, 0.9))


def test_a_run_of_so_many_hours_draws_by_its_clock(path: Path) -> None:
    assert not np.array_equal(drawn(path, None, 0.0), drawn(path, None, 0.9))


def test_a_worker_starts_beside_a_process_that_used_opencvs_threads(path: Path) -> None:
    cv2.setNumThreads(2)
    cv2.resize(np.zeros((2000, 2000, 3), np.uint8), (640, 640), interpolation=cv2.INTER_AREA)
    cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.uint8), (0, 0), 5)
    boxes, classes = np.float32([[0.5, 0.5, 0.3, 0.3]]), np.int32([HELMET])
    shown = Picture(path, "helmet", "train", "MIT", "", frozenset({HELMET}), boxes, classes)
    phases = Phases(Recipe(size_px=64, mosaic=1.0), Recipe(size_px=64))
    batches = Batches([lesson(shown, None)], np.ones(1), phases, 2, seed=5)
    stream = batches.stream(0)
    assert next(stream)["img"].shape == (2, 3, 64, 64)
