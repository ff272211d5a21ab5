"""Preset verification: the right view by day and night, small drift, and the wrong view."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.tour.settings import VerifySettings
from pipeline.tour.verify import Reference, Shown, align, verify
from streams.ptz.head import Pointing
from streams.ptz.simulated import Panorama

SPOTS = {
    "north": Pointing(-0.45, 0.35, 0.3),
    "market": Pointing(0.45, 0.30, 0.3),
    "station": Pointing(-0.05, -0.40, 0.3),
}
LIMITS = VerifySettings()


@pytest.fixture(scope="module")
def references(by_day: Panorama) -> dict[str, tuple[Reference, ...]]:
    return {name: (Reference(by_day.picture(at)),) for name, at in SPOTS.items()}


@pytest.mark.parametrize("view", SPOTS)
def test_same_picture_is_right(view: str, by_day: Panorama, references: dict) -> None:
    answer = verify(by_day.picture(SPOTS[view]), view, references, LIMITS)
    assert answer.shown is Shown.RIGHT


@pytest.mark.parametrize("view", SPOTS)
def test_night_is_recognised_by_a_day_reference(
    view: str, by_night: Panorama, references: dict
) -> None:
    answer = verify(by_night.picture(SPOTS[view]), view, references, LIMITS)
    assert answer.shown is not Shown.WRONG


@pytest.mark.parametrize("seen", SPOTS)
@pytest.mark.parametrize("expected", SPOTS)
def test_another_preset_is_wrong_and_named(
    seen: str, expected: str, by_night: Panorama, references: dict
) -> None:
    if seen == expected:
        return
    answer = verify(by_night.picture(SPOTS[seen]), expected, references, LIMITS)
    assert answer.shown is Shown.WRONG
    assert answer.instead == seen


def test_drift_is_measured_and_taken_back(by_day: Panorama, references: dict) -> None:
    at = SPOTS["market"]
    drifted = by_day.picture(replace(at, pan=at.pan + 0.012), turned_deg=0.8)
    answer = verify(drifted, "market", references, LIMITS)
    assert answer.shown is Shown.DRIFTED
    assert answer.match is not None
    reference = references["market"][0].image.astype(float)
    inner = (slice(45, -45), slice(45, -45))
    before = np.abs(drifted.astype(float) - reference)[inner].mean()
    after = np.abs(align(drifted, answer.match).astype(float) - reference)[inner].mean()
    assert after < 0.5 * before


def test_large_shift_of_the_right_place_is_wrong(by_day: Panorama, references: dict) -> None:
    at = SPOTS["market"]
    answer = verify(by_day.picture(replace(at, pan=at.pan - 0.2)), "market", references, LIMITS)
    assert answer.shown is Shown.WRONG


@pytest.mark.parametrize("picture", ["black", "noise"])
def test_no_picture_is_wrong(picture: str, references: dict) -> None:
    shape = (270, 480, 3)
    image = (
        np.zeros(shape, np.uint8)
        if picture == "black"
        else np.random.default_rng(1).integers(0, 255, shape, np.uint8)
    )
    answer = verify(image, "north", references, LIMITS)
    assert answer.shown is Shown.WRONG
    assert answer.instead is None
