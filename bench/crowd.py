"""Counting people as the patrol does, against counted pictures and against bare boxes (files).

`skygrid bench crowd` counts the `crowd` pictures of a split with the site's own counter (boxes with
the card's correction, density where it is configured) and with uncorrected boxes. The issue's goal
is an error of at most half of the bare boxes'.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.errors import NothingToMeasure
from models.evaluation.rates import count_errors
from models.load import load_crowd_counter, load_detector
from models.settings import CrowdSettings, DetectorSettings
from models.sureness import carry_floor
from models.training.manifest import read_sets


def count_crowds(data: Path, detector: DetectorSettings, crowd: CrowdSettings,
                 split: str = "val") -> dict[str, Any]:  # fmt: skip
    """Errors of the patrol's counter and of bare boxes on counted pictures.

    Args:
        data: Root of the annotated pictures.
        detector: The weight.
        crowd: How people are counted.
        split: Which pictures.

    Returns:
        {"pictures", "people", "patrol": {"mae", "rmse", "n"}, "boxes": {...}, "share": MAE of the
        patrol over MAE of boxes, "by_density": pictures that the density network counted}.

    Raises:
        NothingToMeasure: no counted pictures of that split.
        models.errors.ModelError: a weight that cannot be used.
    """
    pictures = [p for p in read_sets(data, ["crowd"]) if p.split == split and p.points is not None]
    if not pictures:
        raise NothingToMeasure(f"{data.name} must hold counted pictures of split {split!r}")
    network, counter = load_detector(detector), load_crowd_counter(detector, crowd)
    person = network.labels.index("person")
    sure = network.thresholds.get("person", 0.0)
    floor = carry_floor(network.labels, network.thresholds)[person]
    true, ours, boxes, dense = [], [], [], 0
    try:
        for picture in pictures:
            image = cv2.imread(str(picture.path))
            if image is None or picture.points is None:
                raise NothingToMeasure(f"picture {picture.path.name} cannot be read")
            height, width = image.shape[:2]
            found = network.detect([np.asarray(image, np.uint8)])[0]
            people = (found.class_id == person) & (found.confidence >= sure)
            kept = found.where((found.class_id == person) & (found.confidence >= floor))
            whole = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
            count = counter.count(np.asarray(image, np.uint8), kept, [whole])[0]
            dense += count.method == "density"
            true.append(float(len(picture.points)))
            ours.append(count.people)
            boxes.append(float(people.sum()))
    finally:
        network.close()
    patrol, plain = count_errors(ours, true), count_errors(boxes, true)
    return {
        "weights": detector.weights, "density_weights": crowd.density_weights, "split": split,
        "pictures": len(true), "people": sum(true), "by_density": dense,
        "patrol": patrol, "boxes": plain, "share": patrol["mae"] / max(plain["mae"], 1e-9),
    }  # fmt: skip
