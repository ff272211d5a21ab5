"""A tour's memory on disk: visits and learned pictures come back, damage is told and forgotten."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.tour.keep import TourKeeper
from pipeline.tour.settings import TourSettings
from pipeline.tour.tour import Tour
from pipeline.tour.verify import Reference

IMAGE = np.random.default_rng(1).integers(0, 255, (90, 160, 3), dtype=np.uint8)


def settings(reference: str | None = None) -> TourSettings:
    stop = {"view": "market", "preset": "1", "reference": reference}
    return TourSettings.model_validate({"host": "head", "stops": [stop]})


def test_visits_and_pictures_come_back(tmp_path: Path) -> None:
    tour = Tour("eagle", settings(), None, {"market": (Reference(IMAGE),)})
    tour.resume({"market": 1_772_352_000.25})
    TourKeeper(tmp_path / "eagle").keep(tour)
    again = TourKeeper(tmp_path / "eagle")
    assert again.visits() == {"market": 1_772_352_000.25}
    assert np.array_equal(again.references(settings())["market"][0].image, IMAGE)


def test_the_site_files_picture_is_taken_before_a_learned_one(tmp_path: Path) -> None:
    keeper = TourKeeper(tmp_path)
    keeper.keep(Tour("eagle", settings(), None, {"market": (Reference(IMAGE),)}))
    given = tmp_path / "given.png"
    cv2.imwrite(str(given), 255 - IMAGE)
    found = TourKeeper(tmp_path).references(settings(str(given)))
    assert np.array_equal(found["market"][0].image, 255 - IMAGE)


@pytest.mark.parametrize("text", ["", "[1]", '{"a": "x"}', "\x00"])
def test_damaged_visits_are_forgotten(tmp_path: Path, text: str) -> None:
    (tmp_path / "visits.json").write_text(text)
    assert TourKeeper(tmp_path).visits() == {}


def test_a_damaged_picture_is_learned_anew(tmp_path: Path) -> None:
    (tmp_path / "market.png").write_bytes(b"no picture")
    assert TourKeeper(tmp_path).references(settings()) == {}
