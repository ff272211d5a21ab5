"""`skygrid train`: from a data directory to a weight directory, in stages that can be resumed."""

from __future__ import annotations

import hashlib
import random
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.errors import TrainingRefused
from models.training.lineage import Lineage, check_sizes, hash_of
from models.training.manifest import Picture, data_directory, licence_allows, read_sets
from models.training.sampling import sampling_weights, shares_in_force
from models.training.teacher import Lesson, lesson, read_opinions


def train(
    *,
    lineage: Lineage,
    directory: Path,
    name: str = "patrol11n",
    data: Path | None = None,
    also: Path | None = None,
    output: Path | None = None,
    hours: float = 1.5,
    steps: int | None = None,
    batch_size: int = 8,
    size_px: int = 416,
    final_size_px: int = 416,
    rate: float = 8e-4,
    frozen_layers: int = 0,
    head_first: float = 0.0,
    threads: int = 0,
    seed: int = 0,
    device: str = "cpu",
    compiled: bool = False,
    bfloat16: bool = False,
    shares: Mapping[str, float] | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Teach, train, export, measure and write the card; each stage resumes where it was stopped.

    Args:
        lineage: the networks that are learned from.
        directory: of the run: teacher's labels, checkpoints, history.
        name: of the weight; one that ends in "-research" learns from every set, any other only
            from pictures whose stated licence allows a default weight.
        data: picture sets; default SKYGRID_DATA. All figures of the card are from these.
        also: a directory with more sets to learn from, drawn pictures for example.
        output: weight directory to write; default `directory`/`name`.
        hours, steps: length of the run, in time or, repeatable, in batches.
        final_size_px: picture size in the last quarter of the run.
        frozen_layers, head_first: see Schedule; both spare time from COCO weights on.
        threads: torch threads, 0 for all cores. One thread with a core of its own learns three
            quarters as fast as two: the others wait for each other on a busy machine.
        compiled, bfloat16: see DetectorRun.
        say: gets a line per stage.

    Returns:
        The weight directory.

    Raises:
        TrainingRefused: what is asked for does not fit together; no training was begun.
    """
    from models.training.history import draw_history
    from models.training.ship import Origin, ship

    research = name.endswith("-research")
    sizes = (size_px, final_size_px)
    lineage.check(research)
    if (directory / "average.pt").resolve() in {path.resolve() for path in lineage.others}:
        raise TrainingRefused(f"another run's end must not be that of {directory} itself")
    check_sizes(sizes)
    pictures = read_sets(data or data_directory())
    taught = lineage.recipe(research)
    made_by = commit()
    more = [p for p in read_sets(also) if p.split == "train"] if also else []
    shares = shares_in_force([p for p in pictures + more if trains(p, research)], shares or {})
    opinions = _opinions(lineage, directory, [p for p in pictures if trains(p, research)], say)
    lessons = training_lessons(pictures + more, research=research, opinions=opinions)
    say(f"{len(lessons)} training pictures")
    options: dict[str, Any] = {
        "hours": hours,
        "steps": steps,
        "rate": rate,
        "frozen_layers": frozen_layers,
        "head_first": head_first,
        "threads": threads,
    }
    cutting = Cutting(sizes, batch_size, seed, shares)
    how = Means(device, compiled, research, bfloat16)
    hardness = _hardness(lineage, directory, lessons, say)
    run = fit(lessons, lineage, directory, cutting, options, how, hardness)
    draw_history(directory / "history.jsonl", directory / "history.png")
    recipe = {**run, **options, **taught, "seed": seed, "batch_size": batch_size}
    recipe |= {"size_px": sizes, "also": sorted({p.set_name for p in more})}
    recipe |= {"device": device, "compiled": compiled}
    recipe["bfloat16"] = bfloat16 or device.startswith("cuda")
    recipe |= {"shares": cutting.shares, "commit": made_by}
    target = output or directory / name
    origin = Origin(name, research, recipe)
    result = _averaged(lineage, directory / "average.pt", research)
    ship(result, target, origin, pictures + more, plots=directory / "plots", say=say)
    return target


def _opinions(
    lineage: Lineage, directory: Path, pictures: Sequence[Picture], say: Callable[[str], None]
) -> Path | None:
    """The file of the teacher's labels, made where it is not there yet; None without a teacher."""
    from models.training.teach import teach

    if lineage.teacher is None:
        return None
    path = directory / f"teacher-{hash_of(lineage.teacher)[:16]}.jsonl"
    if not path.exists():
        say(f"teacher {lineage.teacher.name} labels what the sources left out")
        teach(lineage.teacher, pictures, path)
    return path


def _hardness(
    lineage: Lineage, directory: Path, lessons: Sequence[Lesson], say: Callable[[str], None]
) -> npt.NDArray[np.float64] | None:
    """By how much pictures that mislead the start are drawn more often; None if not mined."""
    from models.training.mining import mine

    if not lineage.mined:
        return None
    path = directory / f"mistakes-{hash_of(lineage.start)[:16]}-{digest(lessons)[:16]}.jsonl"
    if not path.exists():
        say(f"looking for what {lineage.start.name} wrongly sees")
    hardness = mine(lineage.start, lessons, path)
    say(f"{int((hardness > 1).sum())} pictures with mistakes are drawn more often")
    return hardness


def _averaged(lineage: Lineage, learned: Path, research: bool = False) -> Path:
    """What is shipped: `learned`, or its mean with other ends and with the start, as asked for."""
    from models.training.detector_run import save_weights
    from models.training.network import between, load_network, soup, starting_network

    if not (lineage.kept or lineage.others):
        return learned
    mean = soup([load_network(path) for path in (learned, *lineage.others)])
    if lineage.kept:
        mean = between(starting_network(lineage.start), mean, lineage.kept)
    path = learned.with_name("mean.pt")
    save_weights(mean, path, research)
    return path


def trains(picture: Picture, research: bool) -> bool:
    """Whether a picture teaches: training split, boxes, and a licence that allows it."""
    useful = picture.points is None and picture.split == "train"
    return useful and (research or licence_allows(picture.licence))


def training_lessons(
    pictures: list[Picture], *, research: bool, opinions: Path | None = None
) -> list[Lesson]:
    """What a run learns from, own labels and the teacher's joined."""
    heard = read_opinions(opinions) if opinions else {}
    return [lesson(p, heard.get(p.key)) for p in pictures if trains(p, research)]


@dataclass(frozen=True, slots=True)
class Cutting:
    """How a run's batches are drawn.

    Attributes:
        sizes: side of the square training pictures, px, and that in the last quarter of the run.
        batch_size: pictures.
        seed: of everything that is drawn.
        shares: asked for some sets, see `shares_in_force`.
    """

    sizes: tuple[int, int]
    batch_size: int
    seed: int
    shares: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Means:
    """What a run has to learn with: the device, whether torch may compile, whether its pictures
    allow a research weight alone, and whether a CPU computes in bfloat16."""

    device: str = "cpu"
    compiled: bool = False
    research: bool = False
    bfloat16: bool = False


def digest(lessons: Sequence[Lesson]) -> str:
    """A hash of all that lessons teach, so that a run goes on with the labels it began with."""
    total = hashlib.sha256()
    for one in lessons:
        total.update(one.picture.key.encode())
        for part in (one.boxes, one.class_id, one.unsure, one.known):
            total.update(part.tobytes())
    return total.hexdigest()


def fit(
    lessons: list[Lesson],
    lineage: Lineage,
    directory: Path,
    cutting: Cutting,
    options: Mapping[str, Any],
    means: Means = Means(),
    hardness: npt.NDArray[np.float64] | None = None,
) -> dict[str, Any]:
    """Train, or go on training if `directory` holds a checkpoint; returns where the run stands.

    Args:
        hardness: see `sampling_weights`.

    Raises:
        TrainingRefused: the checkpoint is of a run that learned otherwise.
    """
    import torch

    from models.training.batches import Batches, Phases
    from models.training.compose import Recipe
    from models.training.detector_run import DetectorRun
    from models.training.distil import Elder
    from models.training.loop import Schedule, check_checkpoint
    from models.training.network import load_network, starting_network
    from models.training.table import Table

    of_run = {**lineage.identity(), **asdict(cutting), "lessons": digest(lessons)}
    check_checkpoint(directory, of_run)
    random.seed(cutting.seed)
    torch.manual_seed(cutting.seed)
    weights = sampling_weights(lessons, cutting.shares, hardness)
    first, last = cutting.sizes
    final = Recipe(size_px=last, mosaic=0.1, scale=(0.6, 1.1), effects=0.4)
    phases = Phases(Recipe(size_px=first), final)
    steps = options.get("steps")
    batches = Batches(lessons, weights, phases, cutting.batch_size, cutting.seed, steps)
    asked = None
    if lineage.elder:
        asked = Elder(load_network(lineage.elder), lineage.elder_classes)
    run = DetectorRun(
        starting_network(lineage.start),
        Schedule(**options),
        directory,
        means.device,
        of_run,
        elder=asked,
        research=means.research,
        compiled=means.compiled,
        bfloat16=means.bfloat16,
    )
    run.train(batches, Table(len(lessons)).show)
    state = run.state
    return {
        "pictures_seen": state.pictures,
        "steps_done": state.step,
        "training_s": round(state.elapsed_s),
    }


def commit() -> str:
    """The repository's commit, "unknown" outside one."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    folder = Path(__file__).parent
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() or "unknown"
