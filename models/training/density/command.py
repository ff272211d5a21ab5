"""`skygrid train-density`: from counted pictures to a density weight, in one resumable command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from models.training.density.crops import CropPlan, Crops
from models.training.loop import Schedule
from models.training.manifest import Picture, data_directory, read_sets
from models.training.table import Table

HELD_OUT_EVERY = 8
"""Every so many training pictures of a source are kept back: what is chosen is chosen on them."""


def train_density(
    *,
    start: Path,
    directory: Path,
    name: str = "crowd-research",
    data: Path | None = None,
    output: Path | None = None,
    hours: float = 1.0,
    steps: int | None = None,
    batch_size: int = 8,
    rate: float = 1e-3,
    frozen_layers: int = 5,
    seed: int = 0,
    threads: int = 1,
    say: Callable[[str], None] = print,
) -> Path:
    """Train, export, measure and write the card; a run in `directory` goes on.

    Args:
        start: Ultralytics YOLO11 checkpoint whose trunk the network starts from.
        directory: of the run: checkpoint and history.
        name: of the weight; head points come from research-only sets, so it ends in "-research".
        data: picture sets; default SKYGRID_DATA. Those with head points are used.
        output: weight directory to write; default `directory`/`name`.
        hours, steps: length of the run, in time or, repeatable, in batches.
        frozen_layers: first layers of the trunk that stay as they are.

    Returns:
        The weight directory.
    """
    import torch

    from models.training.command import commit
    from models.training.density.loop import DensityRun
    from models.training.density.network import density_network
    from models.training.density.ship import ship_density

    if not name.endswith("-research"):
        raise ValueError(f"head points are for research only: a name must end in -research: {name}")
    counted = [p for p in read_sets(data or data_directory()) if p.points is not None]
    learned, kept = held_out(counted)
    torch.manual_seed(seed)
    schedule = Schedule(
        hours=hours,
        steps=steps,
        rate=rate,
        frozen_layers=frozen_layers,
        head_first=0.0,
        average=0.998,
        threads=threads,
        checkpoint_s=120.0,
    )
    run = DensityRun(density_network(start), schedule, directory)
    say(f"{len(learned)} counted training pictures")
    run.train(Crops(learned, CropPlan(), batch_size, seed), Table(len(learned)).show)
    recipe = {
        "command": f"skygrid train-density --start {start.name} --directory {directory.name} "
        f"--steps {run.state.step} --seed {seed}",
        "crops_seen": run.state.pictures,
        "training_s": round(run.state.elapsed_s),
        "batch_size": batch_size,
        "rate": rate,
        "frozen_layers": frozen_layers,
        "commit": commit(),
    }
    target = output or directory / name
    validation = [p for p in counted if p.split == "val"]
    ship_density(run.average, target, name, learned, kept, validation, recipe, say)
    return target


def held_out(counted: Sequence[Picture]) -> tuple[list[Picture], list[Picture]]:
    """Training pictures to learn from, and every `HELD_OUT_EVERY`-th of a source to choose by."""
    training = [p for p in counted if p.split == "train"]
    kept = [
        picture
        for source in sorted({p.dataset for p in training})
        for picture in [p for p in training if p.dataset == source][::HELD_OUT_EVERY]
    ]
    return [p for p in training if p not in kept], kept
