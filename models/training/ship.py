"""Makes a weight directory from a trained network: exports, INT8, thresholds, figures, card."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from models.card import Card, Preprocess, describe_file, write_card
from models.crowd_calibration import fit_box_correction
from models.crowd_correction import BoxCorrection
from models.detector import Detector, ImageArray
from models.evaluation.average_precision import precision_curve
from models.evaluation.crowd import crowd_errors, people_boxes
from models.evaluation.detect import (
    TILED_FLOOR,
    TILED_SETS,
    read_picture,
    scored_pictures,
    seen_by_patrol,
)
from models.evaluation.plots import write_plots
from models.evaluation.rates import count_errors
from models.evaluation.score import Scored, class_table, judged, pick_threshold, score
from models.evaluation.sheets import write_sheets
from models.export import (
    FLOAT_SCOPES,
    calibration_pictures,
    openvino_model,
    quantised,
    save_onnx,
    save_openvino,
)
from models.labels import LABELS
from models.sureness import CARRY_SHARE
from models.training.card_page import page
from models.training.manifest import Picture, licence_allows

SIZES: tuple[tuple[int, int], ...] = ((384, 640), (640, 640))
"""Input sizes (height, width) that are exported."""

FULL = (640, 640)
"""Input size at which figures are taken; INT8 is compared with float at every size."""

CALIBRATION_PICTURES = 160
ALLOWED_LOSS = 0.01
"""INT8 may cost this much mAP50 in any class with at least COUNTABLE objects."""

COUNTABLE = 25

LEARNED_MAP50 = 0.25
"""A class that scores less was not learned: it gets no threshold. The best one of stalls, at .055,
was .05: rules, which weigh by the threshold, would have believed every tenth street."""

CROWD_SHARES = (CARRY_SHARE, 0.8, 1.0)
"""Shares of a person's threshold that are tried for counting boxes in a crowd; less sure ones never
reach a patrol's counter."""

CROWD_FOLDS = 5
"""Parts of the counted pictures; each judges a correction that was fitted to the others."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a card says of how a weight came about.

    Attributes:
        name: of the weight; ends in "-research" if research.
        research: some training set forbids a default weight.
        recipe: command, seed, commit, hours, pictures seen, runs compared, stage.
    """

    name: str
    research: bool = False
    recipe: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.research != self.name.endswith("-research"):
            raise ValueError(f"a weight's name must end in -research if it is one: {self.name}")


def ship(
    weights: Path,
    directory: Path,
    origin: Origin,
    pictures: Sequence[Picture],
    *,
    plots: Path | None = None,
    say: Callable[[str], None] = print,
) -> Card:
    """Export a trained network, measure it on the validation split, and write its directory.

    Args:
        weights: Ultralytics file with the patrol's head.
        directory: replaced as a whole at the end.
        pictures: all annotated pictures; calibration draws from "train", figures from "val".
        plots: folder for plots of the figures and sheets of the worst mistakes.
        say: gets a line per stage.
    """
    from models.training.network import load_network

    network = load_network(weights)
    training = [p for p in pictures if p.split == "train" and _may_use(p, origin.research)]
    validation = [p for p in pictures if p.split == "val"]
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / origin.name
        made.mkdir()
        int8, scored = _int8(network, made, training, validation, origin, say)
        shutil.copy(weights, made / f"{origin.name}.pt")
        save_onnx(network, made / f"{origin.name}.onnx")
        say("measuring in tiles, and counting crowds")
        thresholds = pick_thresholds(scored)
        report = score(scored, thresholds)
        if plots is not None:
            write_plots(scored, report, thresholds, plots)
            write_sheets(scored, thresholds, plots)
        high = [p for p in validation if p.set_name in TILED_SETS]
        report["sets"]["eagle_tiled"] = class_table(measure(made, origin, high, tiled=True))
        counted = [p for p in pictures if p.split == "train" and from_street_camera(p)]
        sure = thresholds.get("person", 0.0)
        crowd = crowd_correction(watched(made, counted, thresholds), sure)
        counted = [p for p in validation if p.points is not None]
        report["crowd"] = crowd_errors(
            watched(made, counted, thresholds), crowd, thresholds.get("person")
        )
        card = _card(origin, made, thresholds, training, validation)
        card = card.model_copy(update={"metrics": {**report, "int8": int8}, "crowd": crowd})
        write_card(made, card)
        (made / "README.md").write_text(page(card), encoding="utf-8")
        directory.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(made, directory)
    return card


def from_street_camera(picture: Picture) -> bool:
    """Counted pictures like those a patrol sees: ShanghaiTech's part A are dense press photos, and
    a correction fitted to them makes street pictures worse."""
    return picture.points is not None and not picture.dataset.endswith("_A")


def _may_use(picture: Picture, research: bool) -> bool:
    return research or licence_allows(picture.licence)


def calibration_images(training: Sequence[Picture]) -> list[ImageArray]:
    """Pictures spread evenly over every set of the training split."""
    boxed = [p for p in training if p.points is None]
    names = sorted({p.set_name for p in boxed})
    share = max(1, CALIBRATION_PICTURES // max(1, len(names)))
    chosen: list[Picture] = []
    for name in names:
        members = [p for p in boxed if p.set_name == name]
        chosen += members[:: max(1, len(members) // share)][:share]
    return [read_picture(p) for p in chosen]


def _int8(
    network: Any,
    made: Path,
    training: Sequence[Picture],
    validation: Sequence[Picture],
    origin: Origin,
    say: Callable[[str], None],
) -> tuple[dict[str, Any], list[Scored]]:
    """Write the INT8 files with the least that stays float at an allowed loss, or else with the
    least loss; returns what it cost per class, and what the chosen file found in validation."""
    images = calibration_images(training)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder)
        for height, width in SIZES:
            path = plain / f"openvino_fp16_{_text((height, width))}.xml"
            save_openvino(openvino_model(network, height, width), path)
        _provisional(plain, origin)
        before = {s: class_table(_boxed(measure(plain, origin, validation, s))) for s in SIZES}
    best: tuple[float, dict[str, Any], list[Scored]] | None = None
    for number, scope in enumerate(FLOAT_SCOPES):
        with tempfile.TemporaryDirectory() as folder:
            trial = Path(folder)
            for size in SIZES:
                _write_int8(network, images, size, scope, trial)
            _provisional(trial, origin)
            scored = {s: measure(trial, origin, validation, s) for s in SIZES}
        after = {s: class_table(_boxed(found)) for s, found in scored.items()}
        lost = {_text(s): _lost(before[s], after[s]) for s in SIZES}
        say(f"INT8, scope {number}: mAP50 lost {lost}")
        worst = max((v for rows in lost.values() for v in rows.values()), default=0.0)
        if best is None or worst < best[0]:
            map50 = {_text(s): {c: row["map50"] for c, row in after[s].items()} for s in SIZES}
            about = {"float_scope": number, "lost_map50": lost, "map50": map50}
            best = worst, about, scored[FULL]
        if worst <= ALLOWED_LOSS:
            break
    if best is None:
        raise ValueError("FLOAT_SCOPES must name at least one scope")
    for size in SIZES:
        _write_int8(network, images, size, FLOAT_SCOPES[best[1]["float_scope"]], made)
    _provisional(made, origin)
    return best[1], best[2]


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _boxed(scored: Sequence[Scored]) -> list[Scored]:
    return [s for s in scored if s.picture.points is None]


def _write_int8(
    network: Any,
    images: Sequence[ImageArray],
    size: tuple[int, int],
    scope: Sequence[str],
    folder: Path,
) -> None:
    graph = openvino_model(network, *size)
    inputs = calibration_pictures(images, size)
    path = folder / f"openvino_int8_{_text(size)}.xml"
    save_openvino(quantised(graph, inputs, scope), path)


def _lost(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, float]:
    return {
        label: round((row["map50"] or 0.0) - (after[label]["map50"] or 0.0), 4)
        for label, row in before.items()
        if row["n"] >= COUNTABLE
    }


def _provisional(folder: Path, origin: Origin) -> None:
    write_card(folder, _card(origin, folder, {}, [], []))


def measure(
    folder: Path,
    origin: Origin,
    pictures: Sequence[Picture],
    size: tuple[int, int] = FULL,
    *,
    tiled: bool = False,
) -> list[Scored]:
    """Everything the weight in a directory finds at an input size (height, width) down to a very
    low confidence."""
    from models.load import load_detector
    from models.settings import DetectorSettings

    settings = DetectorSettings(
        weights=str(folder),
        backend="openvino",
        input_size=size,
        confidence_floor=TILED_FLOOR if tiled else 0.001,
        nms_iou=0.7,
        multi_label=True,
    )
    detector: Detector = load_detector(settings)
    try:
        return list(scored_pictures(pictures, detector, tiled=tiled))
    finally:
        detector.close()


def watched(
    folder: Path, pictures: Sequence[Picture], thresholds: Mapping[str, float]
) -> list[Scored]:
    """What a patrol with a site's default settings sees of pictures."""
    from models.load import load_detector
    from models.settings import DetectorSettings

    detector = load_detector(DetectorSettings(weights=str(folder), backend="openvino"))
    try:
        return seen_by_patrol(pictures, detector, thresholds)
    finally:
        detector.close()


def pick_thresholds(scored: Sequence[Scored]) -> dict[str, float]:
    """Per class with enough objects, the confidence with the best F1 on validation."""
    result = {}
    for class_id, label in enumerate(LABELS):
        chosen = [judged(s, class_id) for s in scored if class_id in s.picture.labelled]
        learned = sum(len(p.truth) for p in chosen) >= COUNTABLE
        if learned and (precision_curve(chosen).map50 or 0.0) >= LEARNED_MAP50:
            result[label] = pick_threshold(chosen)
    return result


def crowd_correction(scored: Sequence[Scored], sure: float) -> dict[str, Any] | None:
    """The card's `crowd` entry, fitted to counted pictures; None without any.

    Of the thresholds tried, and of boxes corrected or as they are, the entry is the one with the
    least mean absolute error on pictures that it was not fitted to.

    Args:
        scored: what a patrol sees, see `watched`.
        sure: the card's threshold of a person.
    """
    counted = [s for s in scored if s.picture.points is not None]
    people = [0 if s.picture.points is None else len(s.picture.points) for s in counted]
    fitted = f"head points of {len(counted)} research-only training pictures"
    best: tuple[float, dict[str, Any]] | None = None
    for share in CROWD_SHARES if counted else ():
        threshold = round(share * sure, 3)
        boxes = [people_boxes(s, threshold) for s in counted]
        surely = [people_boxes(s, sure) for s in counted]
        for mae, known in (
            (float(count_errors(boxes, people)["mae"]), BoxCorrection(threshold)),
            (
                _held_out(boxes, surely, people, threshold),
                fit_box_correction(boxes, people, threshold),
            ),
        ):
            if best is None or mae < best[0]:
                knots = [list(pair) for pair in zip(known.boxes, known.people, strict=True)]
                best = mae, {"threshold": threshold, "knots": knots, "fitted_on": fitted}
    return best[1] if best else None


def _held_out(
    boxes: Sequence[float], surely: Sequence[float], people: Sequence[float], threshold: float
) -> float:
    """Mean absolute error of corrections on pictures that they were not fitted to; infinite with
    a single picture."""
    if len(boxes) < 2:
        return math.inf
    part = np.arange(len(boxes)) % min(CROWD_FOLDS, len(boxes))
    known = np.array([boxes, people], float)
    corrected = np.zeros(len(boxes))
    for held in range(part.max(initial=0) + 1):
        of, there = known[:, part != held].tolist()
        fit = fit_box_correction(of, there, threshold)
        corrected[part == held] = [
            fit(b, s) for b, s, p in zip(boxes, surely, part, strict=True) if p == held
        ]
    return float(count_errors(corrected.tolist(), people)["mae"])


def _card(
    origin: Origin,
    folder: Path,
    thresholds: Mapping[str, float],
    training: Sequence[Picture],
    validation: Sequence[Picture],
) -> Card:
    files = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in (".xml", ".bin", ".onnx", ".pt"):
            files[path.name] = describe_file(path)
    return Card(
        name=origin.name,
        labels=LABELS,
        input_sizes=SIZES,
        files=files,
        thresholds=dict(thresholds),
        licence="AGPL-3.0-or-later",
        research=origin.research,
        preprocess=Preprocess(in_graph=True),
        data=data_table(training, validation),
        recipe=dict(origin.recipe),
    )


def data_table(training: Sequence[Picture], validation: Sequence[Picture]) -> list[dict[str, Any]]:
    """Pictures per set and stated licence: learned from, and measured on."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for column, pictures in (("n_train", training), ("n_val", validation)):
        for picture in pictures:
            key = (picture.set_name, picture.licence)
            row = rows.setdefault(key, {"set": key[0], "licence": key[1], "n_train": 0, "n_val": 0})
            row[column] += 1
    return [rows[key] for key in sorted(rows)]
