"""`skygrid train`: from a data directory to a trained network in a run directory."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.training.manifest import Picture, data_directory, licence_allows, read_sets
from models.training.sampling import SET_SHARES, sampling_weights
from models.training.teacher import Lesson, lesson, read_opinions


def training_lessons(data: Path, *, research: bool, opinions: Path | None = None) -> list[Lesson]:
    """What a run learns from: the training split, without pictures whose stated licence forbids
    a default weight unless it is a research run."""
    heard = read_opinions(opinions) if opinions and opinions.exists() else {}
    chosen = [p for p in read_sets(data) if _trains(p, research)]
    return [lesson(p, heard.get(p.key)) for p in chosen]


def _trains(picture: Picture, research: bool) -> bool:
    useful = picture.set_name != "crowd" and picture.split == "train"
    return useful and (research or licence_allows(picture.licence))


def train(
    *,
    start: Path,
    directory: Path,
    data: Path | None = None,
    opinions: Path | None = None,
    research: bool = False,
    hours: float = 1.5,
    steps: int | None = None,
    batch_size: int = 16,
    size_px: int = 416,
    final_size_px: int = 448,
    rate: float = 1e-3,
    frozen_layers: int = 5,
    head_first: float = 0.3,
    fixed_norm_from: float = 0.0,
    seed: int = 0,
    device: str = "cpu",
    shares: Mapping[str, float] = SET_SHARES,
) -> Path:
    """Train (or go on training, if `directory` holds a checkpoint) and return the weight file.

    Args:
        start: Ultralytics checkpoint to start from (COCO classes or the patrol's).
        directory: where checkpoints and history go.
        data: picture sets; default SKYGRID_DATA.
        opinions: teacher's labels written by `models.training.teach`.
        research: also use pictures whose licence forbids a default weight.
        hours, steps: length of the run, in time or, repeatable, in batches.
        final_size_px: picture size in the last quarter of the run.
    """
    import torch

    from models.training.batches import Batches, Phases
    from models.training.compose import Recipe
    from models.training.loop import Run, Schedule
    from models.training.network import load_network, with_patrol_head
    from models.training.table import Table

    random.seed(seed)
    torch.manual_seed(seed)
    lessons = training_lessons(data or data_directory(), research=research, opinions=opinions)
    weights: npt.NDArray[np.float64] = sampling_weights([x.picture for x in lessons], shares)
    phases = Phases(
        Recipe(size_px=size_px),
        Recipe(size_px=final_size_px, mosaic=0.1, scale=(0.6, 1.1), effects=0.4),
    )
    batches = Batches(lessons, weights, phases, batch_size, seed)
    schedule = Schedule(
        hours=hours,
        steps=steps,
        rate=rate,
        frozen_layers=frozen_layers,
        fixed_norm_from=fixed_norm_from,
        head_first=head_first,
    )
    run = Run(with_patrol_head(load_network(start)), schedule, directory, device)
    run.train(batches, Table(len(lessons)).show)
    return directory / "average.pt"
