"""What a card says to people, and what a weight may be called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.card import Card
from models.detections import Detections
from models.evaluation.score import Scored
from models.labels import LABELS
from models.sureness import CARRY_SHARE
from models.training.card_page import page
from models.training.manifest import Picture
from models.training.ship import Origin, crowd_correction, data_table


def card(**more) -> Card:
    file = {"sha256": "0" * 64, "bytes": 1}
    fields = {
        "name": "patrol11n",
        "labels": LABELS,
        "input_sizes": ((640, 640),),
        "licence": "AGPL",
    }
    return Card(files={"a.xml": file}, **{**fields, **more})


def row(map50: float) -> dict:
    size = {"map50": None, "map50_95": None, "n": 0}
    sizes = dict.fromkeys(("small", "medium", "large"), size)
    return {"map50": map50, "map50_95": 0.9, "n": 30, "pictures": 9, "sizes": sizes}


def test_a_missed_goal_is_said_to_be_missed() -> None:
    sets = {"helmet": {"helmet": row(0.98), "bare_head": row(0.5)}}
    text = page(card(metrics={"classes": {}, "sets": sets}))
    assert "| helmet (helmet) | 0.980 / 0.97 | 0.900 / 0.68 | 30 | met |" in text
    assert "0.500 / 0.95 | 0.900 / 0.66 | 30 | **missed** |" in text


def test_a_research_weight_says_so() -> None:
    assert "never the default" in page(card(name="x-research", research=True))


@pytest.mark.parametrize(("name", "research"), [("a-research", False), ("a", True)])
def test_a_research_weight_is_named_one(name: str, research: bool) -> None:
    with pytest.raises(ValueError, match="-research"):
        Origin(name, research)


def picture(licence: str, points: int | None = None) -> Picture:
    heads = None if points is None else np.zeros((points, 2), np.float32)
    none = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
    return Picture(Path("a"), "crowd", "train", licence, "", frozenset(), *none, points=heads)


def test_data_is_counted_by_set_and_licence() -> None:
    rows = data_table([picture("MIT"), picture("MIT"), picture("CC0")], [picture("MIT")])
    assert [(r["licence"], r["n_train"], r["n_val"]) for r in rows] == [
        ("CC0", 1, 0),
        ("MIT", 2, 1),
    ]


def crowd(people: int, boxes: int, confidence: float = 0.9) -> Scored:
    found = Detections(
        np.tile(np.float32([0, 0, 9, 9]), (boxes, 1)),
        np.full(boxes, confidence, np.float32),
        np.zeros(boxes, np.int32),
    )
    return Scored(picture("research", people), (99, 99), found)


def test_the_crowd_correction_says_what_it_was_fitted_on() -> None:
    entry = crowd_correction([crowd(4 * boxes, boxes) for boxes in (5, 10, 5, 10, 5, 10)], 0.5)
    assert entry is not None
    assert entry["knots"][-1] == [10.0, 40.0]
    assert "6 research-only" in entry["fitted_on"]
    assert crowd_correction([], 0.5) is None


def test_boxes_that_need_no_correction_get_none() -> None:
    """Counts that scatter about the truth: a curve through them is worse on the next picture."""
    pairs = [(10, 12), (20, 17), (30, 33), (40, 38), (15, 12), (25, 28), (35, 33), (12, 13)]
    entry = crowd_correction([crowd(people, boxes) for people, boxes in pairs], 0.5)
    assert entry is not None
    assert entry["knots"] == [[0.0, 0.0], [1.0, 1.0]]


def test_persons_whom_no_patrol_sees_are_not_counted_on() -> None:
    entry = crowd_correction([crowd(4 * n, n, confidence=0.28) for n in (5, 10, 5, 10)], 0.5)
    assert entry is not None
    assert entry["threshold"] >= CARRY_SHARE * 0.5
