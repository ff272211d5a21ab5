"""Reads annotated picture sets from disk: manifests, labels, licences, what was labelled."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.labels import LABELS

SETS: tuple[str, ...] = ("helmet", "garbage", "vending", "vending-street", "eagle", "crowd")
"""Sets in the order in which tables list them; any other folder with a manifest follows."""

VENDING_CLASSES = ("stall", "parasol", "tricycle")
"""What a street "without vendors" (negative picture of a vending set) is known not to hold."""

REFUSED_OPENINGS = ("none", "not stated", "no ", "youtube")
"""Beginnings of licence statements that must not feed a default weight."""

REFUSED_WORDS = re.compile(
    r"\b(academic|research|unknown|share ?alike|no ?deriv\w*|not permitted|all rights reserved"
    r"|non ?commercial|no commercial|not for commercial|(nc|sa|nd)(?=[\d.]|\b))"
)
"""Restrictions that forbid it wherever they stand in a statement."""

ALLOWED_WORDS = re.compile(r"\b(public domain|cc0|cc by|mit|apache|drawn by sample videos)\b")
"""Licences that allow it."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One annotated picture.

    Attributes:
        path: Picture file.
        set_name: Folder name of its set.
        split: "train" or "val" ("test" in a sealed set).
        licence: As its source states it.
        dataset: Name of the source.
        labelled: Classes (ids) that were annotated; all others are unknown, not absent.
        boxes: (N, 4) float32, centre x, centre y, width, height in 0..1 of the picture.
        class_id: (N,) int32, index into LABELS.
        doubts: (M, 5) float32, class id and a box as in boxes: places where nobody can say whether
            the class is there.
        points: (M, 2) float32 head points in 0..1 of the picture, None where not counted.
        negative: A street known to be clean (garbage set) or without vendors (vending set).
        from_above: Seen from high up, where a COCO teacher's silence proves nothing.
        nadir: Seen straight down, so that it may be turned in any direction.
        group: Near-duplicates share a group.
        traits: Other manifest entries that evaluation reports by (annotation, head_boxes, ...).
    """

    path: Path
    set_name: str
    split: str
    licence: str
    dataset: str
    labelled: frozenset[int]
    boxes: npt.NDArray[np.float32]
    class_id: npt.NDArray[np.int32]
    doubts: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 5), np.float32))
    points: npt.NDArray[np.float32] | None = None
    negative: bool = False
    from_above: bool = False
    nadir: bool = False
    group: str = ""
    traits: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Set and file stem: names the picture in files of labels and lists."""
        return f"{self.set_name}/{self.path.stem}"

    @property
    def exact(self) -> bool:
        """Drawn, so that its labels are exact and complete."""
        return self.traits.get("annotation") == "exact"


def data_directory() -> Path:
    """Where the picture sets are: SKYGRID_DATA, else ../shared/data beside the repository."""
    named = os.environ.get("SKYGRID_DATA")
    if named:
        return Path(named)
    return Path(__file__).resolve().parents[3] / "shared" / "data"


def licence_allows(licence: str) -> bool:
    """Whether a stated licence lets a picture feed a default weight (public domain, CC0, CC BY,
    MIT, Apache as stated, or drawn by SkyGrid itself); unknown wordings are refused."""
    text = " ".join(re.split(r"[\s_-]+", licence.strip().lower()))
    if text.startswith(REFUSED_OPENINGS) or REFUSED_WORDS.search(text):
        return False
    return ALLOWED_WORDS.search(text) is not None


def read_sets(root: Path, sets: Iterable[str] | None = None) -> list[Picture]:
    """All pictures under a data directory, set by set, in manifest order.

    Raises:
        FileNotFoundError: no set with a manifest there.
    """
    found = [p.parent.name for p in sorted(root.glob("*/manifest.jsonl"))]
    order = [s for s in SETS if s in found] + [s for s in found if s not in SETS]
    wanted = order if sets is None else [s for s in order if s in set(sets)]
    if not wanted:
        raise FileNotFoundError(f"data directory must hold set folders with manifest.jsonl: {root}")
    return [picture for name in wanted for picture in read_set(root / name)]


def read_set(folder: Path) -> Iterator[Picture]:
    """The pictures of one set folder: images, labels in YOLO's form, and manifest.jsonl, whose
    `doubts` are rows of label, centre x, y, width, height in 0..1."""
    with (folder / "manifest.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield _picture(folder, json.loads(line))


def _picture(folder: Path, row: dict[str, Any]) -> Picture:
    path = folder / row["file"]
    boxes, class_id = read_labels(folder / "labels" / f"{path.stem}.txt")
    labelled = {LABELS.index(c) for c in row.get("labelled_classes", ()) if c in LABELS}
    negative = bool(row.get("negative", False))
    if negative and folder.name.startswith("vending"):
        labelled |= {LABELS.index(c) for c in VENDING_CLASSES}
    view = str(row.get("view", ""))
    nadir = "nadir" in view or "straight down" in view
    return Picture(
        path=path,
        set_name=folder.name,
        split=str(row.get("split", "train")),
        licence=str(row.get("licence", "")),
        dataset=str(row.get("dataset", "")),
        labelled=frozenset(labelled),
        boxes=boxes,
        class_id=class_id,
        doubts=_listed(row.get("doubts", ())),
        points=_points(row),
        negative=negative,
        from_above=nadir or folder.name == "eagle",
        nadir=nadir,
        group=str(row.get("group") or path.stem),
        traits={k: row[k] for k in TRAITS if k in row},
    )


TRAITS = ("annotation", "head_boxes", "far_view", "granularity", "amsterdam", "view", "grade")
"""Manifest entries kept with a picture for breakdowns."""


def _listed(boxes: Iterable[Sequence[Any]]) -> npt.NDArray[np.float32]:
    """(N, 5) class id and box from a manifest's rows of label, centre x, y, width, height."""
    rows = [(LABELS.index(label), *numbers) for label, *numbers in boxes if label in LABELS]
    return np.asarray(rows, np.float32).reshape(-1, 5)


def _points(row: dict[str, Any]) -> npt.NDArray[np.float32] | None:
    if "points" not in row:
        return None
    points = np.asarray(row["points"], np.float32).reshape(-1, 2)
    width, height = row.get("points_size") or (row["width"], row["height"])
    return np.asarray(points / np.array([width, height], np.float32), np.float32)


def read_labels(path: Path) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """Boxes (N, 4) float32 normalised centre form and class ids (N,) of one YOLO label file;
    a missing or empty file has no boxes."""
    rows = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    values = [[float(v) for v in row.split()[:5]] for row in rows if row.strip()]
    table = np.asarray(values, np.float32).reshape(-1, 5)
    return table[:, 1:5].copy(), table[:, 0].astype(np.int32)
