"""`skygrid bench detect`: COCO figures of a weight on annotated pictures. Reads and writes files.

This is what a sealed test is scored with: the interface and the JSON's form stay as they are.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from models.card import find_weight, read_card
from models.detector import Detector
from models.evaluation.crowd import counter_errors, crowd_errors
from models.evaluation.detect import TILED_FLOOR, TILED_SETS, scored_pictures, seen_by_patrol
from models.evaluation.plots import write_plots
from models.evaluation.score import Scored, class_table, score
from models.evaluation.sheets import write_sheets
from models.load import load_crowd_counter, load_detector
from models.settings import CrowdSettings, DetectorSettings
from models.training.manifest import Picture, data_directory, read_sets

FLOOR = 0.001
"""Confidence floor for average precision; the patrol's own floor is far higher."""


def run(
    *,
    data: Path | None = None,
    weights: str = "patrol11n",
    json_file: Path | None = None,
    plots: Path | None = None,
    input_size: tuple[int, int] = (640, 640),
    backend: Literal["auto", "openvino", "ultralytics"] = "auto",
    precision: Literal["auto", "int8", "fp16", "fp32"] = "auto",
    split: str | None = None,
    sets: Sequence[str] | None = None,
    density: str | None = None,
    threads: int = 0,
    show: bool = True,
) -> dict[str, Any]:
    """Score a weight on annotated pictures and print the table.

    Args:
        data: directory with one folder per set (images, labels, manifest.jsonl); default
            SKYGRID_DATA.
        weights: shipped name or weight directory.
        json_file: where the result goes as JSON; plots go beside it unless `plots` says where.
        split: default "test" if the directory has such pictures, else "val".
        sets: only these sets.
        density: density weight that counts crowds, as `crowd.density_weights` of a site does;
            None counts by boxes alone, as a site does by default.
        show: print the table.

    Returns:
        {"weights": …, "classes": {label: {"map50", "map50_95", "n", …}}, "sets": {set: …},
        "crowd": {"mae", "rmse", "method", "boxes": {"mae", "rmse"}}, "patrol": {…},
        "input_size", "pictures", "pictures_per_s"}.

    Raises:
        FileNotFoundError: no annotated set there, or none of the split.
    """
    pictures = chosen_pictures(data or data_directory(), split, sets)
    settings = DetectorSettings(
        weights=weights,
        backend=backend,
        precision=precision,
        input_size=input_size,
        confidence_floor=FLOOR,
        nms_iou=0.7,
        max_detections=300,
        multi_label=True,
        threads=threads,
    )
    detector = load_detector(settings)
    try:
        report, scored = evaluate(detector, settings, pictures, density)
    finally:
        detector.close()
    if show:
        from bench.detect_table import print_report

        print_report(report)
    if json_file:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    folder = plots or (json_file.with_suffix("") if json_file else None)
    if folder:
        draw(scored, report, dict(detector.thresholds), folder)
    return report


def chosen_pictures(
    data: Path, split: str | None, sets: Sequence[str] | None = None
) -> list[Picture]:
    """Pictures of a split; without one named, "test" where there is any, else "val"."""
    pictures = read_sets(data, sets)
    there = {p.split for p in pictures}
    wanted = split or ("test" if "test" in there else "val")
    chosen = [p for p in pictures if p.split == wanted]
    if not chosen:
        raise FileNotFoundError(f"{data} must hold pictures of split {wanted!r}, has {there}")
    return chosen


def evaluate(
    detector: Detector,
    settings: DetectorSettings,
    pictures: Sequence[Picture],
    density: str | None = None,
) -> tuple[dict[str, Any], list[Scored]]:
    """The report of a loaded detector and the scored pictures behind it."""
    start = time.perf_counter()
    scored = list(scored_pictures(pictures, detector))
    elapsed_s = time.perf_counter() - start
    report: dict[str, Any] = {
        "weights": detector.model_id,
        "input_size": list(detector.input_size),
        "pictures": len(pictures),
        "pictures_per_s": len(pictures) / elapsed_s,
        **score(scored, detector.thresholds),
    }
    if counted := [p for p in pictures if p.points is not None]:
        report["crowd"] = crowd_report(settings, counted, density)
    high = [p for p in pictures if p.set_name in TILED_SETS]
    if high:
        report["sets"]["eagle_tiled"] = class_table(in_tiles(settings, high))
    return report, scored


def crowd_report(
    settings: DetectorSettings, counted: Sequence[Picture], density: str | None
) -> dict[str, Any]:
    """Errors of counting people on what a patrol sees of the pictures, with the settings that a
    site has by default."""
    chosen = settings.model_dump(include={"weights", "backend", "precision", "threads"})
    watching = DetectorSettings(**chosen)
    detector = load_detector(watching)
    try:
        seen = seen_by_patrol(counted, detector, detector.thresholds)
        sure = detector.thresholds.get("person")
    finally:
        detector.close()
    errors = crowd_errors(seen, read_card(find_weight(settings.weights)).crowd, sure) or {}
    if density is None:
        return errors
    counter = load_crowd_counter(watching, CrowdSettings(density_weights=density))
    return {**(counter_errors(seen, counter) or {}), "weights": density, "boxes": errors}


def in_tiles(settings: DetectorSettings, pictures: Sequence[Picture]) -> list[Scored]:
    """What is found in the whole pictures and in tiles of each, merged."""
    detector = load_detector(settings.model_copy(update={"confidence_floor": TILED_FLOOR}))
    try:
        return list(scored_pictures(pictures, detector, tiled=True))
    finally:
        detector.close()


def draw(
    scored: Sequence[Scored], report: dict[str, Any], thresholds: dict[str, float], folder: Path
) -> None:
    """Write plots and the sheets of the worst mistakes."""
    write_plots(scored, report, thresholds, folder)
    write_sheets(scored, thresholds, folder)
