"""Scores detections of annotated pictures: per class, size and set, honouring what was labelled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.detections import Detections, FloatArray
from models.evaluation.average_precision import SIZES, Curve, Judged, precision_curve
from models.evaluation.rates import picture_rates
from models.evaluation.regions import region_curve
from models.labels import LABELS
from models.nms import areas, intersections, iou_matrix
from models.training.manifest import Picture
from models.training.teacher import corners

GARBAGE = LABELS.index("garbage")
PERSON = LABELS.index("person")
REGIONS = "garbage_regions"
"""Name of the row in which garbage boxes that touch are joined."""

NATIVE_HEADS = "helmet_native"
"""Row of the pictures whose head boxes were drawn over hat and head, not made of boxes of hats
alone: those tell how tight boxes are."""

AS_GOOD = 0.01
"""F-measures that differ by no more are alike."""

SAME = 0.5
"""IoU with an object, or share within a place left open, from which a detection belongs there."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One picture with what was found in it.

    Attributes:
        picture: the annotated picture.
        size: its width and height in pixels.
        found: detections down to a very low confidence.
    """

    picture: Picture
    size: tuple[int, int]
    found: Detections


def truth_boxes(scored: Scored) -> FloatArray:
    """(N, 4) float32 labelled boxes in pixels, in the order of the picture's class ids."""
    return np.asarray(corners(scored.picture.boxes) * np.array(scored.size * 2), np.float32)


def judged(scored: Scored, class_id: int) -> Judged:
    """Truth and prediction of one class in one picture, in pixels; what was found where nobody
    can say whether the class is there counts neither way."""
    truth = truth_boxes(scored)[scored.picture.class_id == class_id]
    mine = (scored.found.class_id == class_id) & ~in_doubt(scored)
    return Judged(truth, scored.found.xyxy[mine], scored.found.confidence[mine])


def in_doubt(scored: Scored) -> npt.NDArray[np.bool_]:
    """(N,) which detections lie, by half or more, where nobody can say whether their class is
    there, and on nothing that is labelled; as COCO treats crowd regions."""
    doubts, found = scored.picture.doubts, scored.found.xyxy
    open_places = np.asarray(corners(doubts[:, 1:]) * np.array(scored.size * 2), np.float32)
    covered = intersections(found, open_places) / np.maximum(areas(found), 1e-9)[:, None]
    alike = scored.found.class_id[:, None] == doubts[:, 0]
    labelled = scored.found.class_id[:, None] == scored.picture.class_id
    is_open = (np.maximum(covered, iou_matrix(found, open_places)) >= SAME) & alike
    is_true = (iou_matrix(found, truth_boxes(scored)) >= SAME) & labelled
    return np.asarray(is_open.any(1) & ~is_true.any(1))


def score(pictures: Sequence[Scored], thresholds: Mapping[str, float]) -> dict[str, Any]:
    """All figures of a detector on annotated pictures.

    Returns:
        "classes": per class map50, map50_95, n, pictures, sizes; "sets": the same per set, and for
        NATIVE_HEADS;
        "patrol": picture rates at the shipped thresholds; "patrol_by_set": the same per set.
    """
    boxed = [s for s in pictures if s.picture.points is None]
    names = list(dict.fromkeys(s.picture.set_name for s in boxed))
    of_set = {name: [s for s in boxed if s.picture.set_name == name] for name in names}
    if native := [s for s in boxed if s.picture.traits.get("head_boxes") == "native"]:
        of_set[NATIVE_HEADS] = native
    return {
        "classes": class_table(boxed),
        "sets": {name: class_table(members) for name, members in of_set.items()},
        "patrol": patrol_rates(boxed, thresholds),
        "patrol_by_set": {n: patrol_rates(members, thresholds) for n, members in of_set.items()},
    }


def class_table(pictures: Sequence[Scored]) -> dict[str, Any]:
    """Figures per class over the pictures in which the class was labelled."""
    table: dict[str, Any] = {}
    for class_id, label in enumerate(LABELS):
        chosen = [judged(s, class_id) for s in pictures if class_id in s.picture.labelled]
        if any(len(p.truth) for p in chosen):
            table[label] = figures(chosen)
            if class_id == GARBAGE:
                table[REGIONS] = figures(chosen, region_curve)
    return table


def figures(
    pictures: Sequence[Judged], curve: Callable[[Sequence[Judged], str], Curve] = precision_curve
) -> dict[str, Any]:
    """map50, map50_95, n (objects), pictures, recall at IoU 0.5, and map50 by object size."""
    whole = curve(pictures, "all")
    sizes = {name: curve(pictures, name) for name in SIZES if name != "all"}
    return {
        "map50": whole.map50,
        "map50_95": whole.map50_95,
        "n": whole.n,
        "pictures": len(pictures),
        "recall50": float(whole.recall[0]),
        "sizes": {
            name: {"map50": c.map50, "map50_95": c.map50_95, "n": c.n} for name, c in sizes.items()
        },
    }


def patrol_rates(pictures: Sequence[Scored], thresholds: Mapping[str, float]) -> dict[str, Any]:
    """Per class with a threshold: pictures with it in which it is found, pictures without it in
    which it is reported. "garbage_clean_streets" counts only pictures marked as clean streets."""
    rates: dict[str, Any] = {}
    for label, threshold in thresholds.items():
        class_id = LABELS.index(label)
        chosen = [s for s in pictures if class_id in s.picture.labelled]
        if chosen:
            rates[label] = _as_dict([judged(s, class_id) for s in chosen], threshold)
        clean = [s for s in chosen if s.picture.negative]
        if class_id == GARBAGE and clean:
            rates["garbage_clean_streets"] = _as_dict(
                [judged(s, GARBAGE) for s in clean], threshold
            )
    return rates


def _as_dict(pictures: Sequence[Judged], threshold: float) -> dict[str, Any]:
    rates = picture_rates(pictures, threshold)
    return {
        "threshold": threshold,
        "found": rates.found,
        "pictures_with": rates.n_with,
        "false": rates.false,
        "pictures_without": rates.n_clean,
    }


def pick_threshold(pictures: Sequence[Judged], beta: float = 1.0) -> float:
    """The confidence with the best F-measure at IoU 0.5 over many pictures, to two digits.

    The middle of the confidences around the best that are as good to a point: over a wide range
    the measure hardly changes, and its highest point lies anywhere in it.

    Args:
        beta: above 1 prefers recall, below 1 precision (van Rijsbergen 1979).
    """
    from models.evaluation.average_precision import match

    marks = [match(p, SIZES["all"]) for p in pictures]
    n = sum(m.counted for m in marks)
    confidence = np.concatenate([m.confidence for m in marks]) if marks else np.zeros(0)
    if not n or not len(confidence):
        return 0.5
    right = np.concatenate([m.hit[0] for m in marks])
    tried = np.arange(0.05, 0.96, 0.01)
    above = confidence >= tried[:, None]
    hits = (right & above).sum(1)
    value = (1 + beta**2) * hits / np.maximum(above.sum(1) + beta**2 * n, 1e-9)
    best = int(value.argmax())
    worse = np.flatnonzero(value < value.max() - AS_GOOD)
    first = worse[worse < best].max(initial=-1) + 1
    last = worse[worse > best].min(initial=len(tried)) - 1
    return round(float(tried[first] + tried[last]) / 2, 2)
