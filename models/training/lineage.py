"""The networks that a training run learns from: which may be used for what, and their hashes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.card import describe_file
from models.errors import TrainingRefused
from models.labels import LABELS

STEP_PX = 32
"""The network's coarsest stride: sides of training pictures are multiples of it."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a network begins and who teaches it.

    Attributes:
        start: Ultralytics checkpoint to start from (COCO classes or the patrol's).
        teacher: COCO checkpoint that labels persons and vehicles where the source did not.
        elder: checkpoint with the patrol's labels whose answers to every training picture count
            beside the labels, for `elder_classes` alone (see `distil`).
        elder_classes: labels of which the elder is believed.
        kept: share of the start's weights that stay in the result, see `network.between`.
        others: averaged networks that other runs from this start ended with; the mean of them and
            of this run's is what has been learned, see `network.soup`.
        mined: whether pictures that mislead the start are drawn more often, see `mining`.
    """

    start: Path
    teacher: Path | None = None
    elder: Path | None = None
    elder_classes: tuple[str, ...] = ()
    kept: float = 0.0
    mined: bool = False
    others: tuple[Path, ...] = ()

    def check(self, research: bool) -> None:
        """Refuse what cannot be learned, before hours are spent on it.

        Args:
            research: the result's name ends in "-research".

        Raises:
            TrainingRefused: a file is missing, has other labels, or must not be used.
        """
        from models.training.network import is_research

        for path in (self.start, self.teacher, self.elder, *self.others):
            if path is not None and not path.is_file():
                raise TrainingRefused(f"checkpoint must be a file, got {path}")
            if path is not None:
                _check_readable(path)
        for path in () if research else (self.start, *self.others):
            if is_research(path):
                raise TrainingRefused(
                    f"{path.name} learned from pictures that must not feed a default weight: "
                    "a weight that is made of it needs a name that ends in -research"
                )
        if (self.elder is None) != (not self.elder_classes):
            raise TrainingRefused("an elder and its classes must be given together")
        unknown = sorted(set(self.elder_classes) - set(LABELS))
        if unknown:
            raise TrainingRefused(
                f"elder classes must be of {', '.join(LABELS)}, got {', '.join(unknown)}"
            )
        if self.elder:
            _check_labels(self.elder, "an elder")
        if self.kept:
            _check_labels(self.start, "a start whose weights are kept")
        self._check_others()
        if self.mined:
            _check_labels(self.start, "a start whose mistakes are mined")

    def _check_others(self) -> None:
        from models.training.network import load_network, starting_network

        if not self.others:
            return
        ends = {hash_of(path) for path in self.others}
        if len(ends) < len(self.others) or hash_of(self.start) in ends:
            raise TrainingRefused("ends of other runs must differ from each other and the start")
        form = _form(starting_network(self.start))
        for path in self.others:
            _check_labels(path, "another run's end")
            if _form(load_network(path)) != form:
                raise TrainingRefused(
                    f"another run's end must have the start's form, {path} has another"
                )

    def identity(self) -> dict[str, Any]:
        """What makes two runs the same run: hashes, not names."""
        elder = hash_of(self.elder) if self.elder else None
        classes = sorted(self.elder_classes)
        rows = {"start": hash_of(self.start), "elder": elder, "elder_classes": classes}
        return {**rows, "mined": self.mined}

    def recipe(self, research: bool) -> dict[str, Any]:
        """What the card of a weight, or of a research weight, says of it."""
        from models.training.network import is_research

        rows: dict[str, Any] = {"start": _named(self.start), "kept": self.kept}
        if self.others:
            rows["soup_with"] = [_named(path) for path in self.others]
        if self.mined:
            rows["mined"] = "what misled the start is drawn up to 3 times as often"
        if self.teacher:
            rows["teacher"] = _named(self.teacher)
        if self.elder:
            rows |= {"elder": _named(self.elder), "elder_classes": list(self.elder_classes)}
            if not research and is_research(self.elder):
                rows["elder_learned_from"] = (
                    "pictures that a default weight may not use, too; its answers to allowed "
                    "pictures were used, no such picture and none of its weights"
                )
        return rows


def _form(network: Any) -> tuple[str | None, dict[str, Any]]:
    """What networks must have in common to be averaged."""
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    return network.yaml.get("activation"), shapes


def _check_readable(path: Path) -> None:
    from models.training.network import load_network

    try:
        load_network(path)
    except Exception as error:  # torch and Ultralytics raise whatever a broken file leads to
        raise TrainingRefused(f"{path} is no checkpoint that Ultralytics reads: {error}") from error


def _check_labels(path: Path, what: str) -> None:
    from models.training.network import load_network

    names = load_network(path).names
    if tuple(names[i] for i in sorted(names)) != LABELS:
        raise TrainingRefused(f"{what} must have the patrol's labels; {path.name} has others")


def check_sizes(sizes: tuple[int, ...]) -> None:
    """Raises TrainingRefused unless pictures of these sides (px) fit the network."""
    for size in sizes:
        if size < STEP_PX or size % STEP_PX:
            raise TrainingRefused(f"picture size must be a multiple of {STEP_PX}, got {size}")


def _named(path: Path) -> str:
    return f"{path.name} sha256:{hash_of(path)[:16]}"


def hash_of(path: Path) -> str:
    """SHA-256 of a checkpoint, hexadecimal."""
    return describe_file(path).sha256
