"""A staged day on painted pictures: what is to be seen is told by its content, byte for byte."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from sample_videos.composites import STREET_CAMERA
from sample_videos.pictures import Pictures
from sample_videos.quiet import StagedDay
from sample_videos.quiet_cast import Visit
from sample_videos.scenario import ActorSpec, Scenario
from sample_videos.weather import DAY_S

WALK = ((36_000.0, -4.0, 6.0), (36_008.0, 4.0, 6.0))
STAND = ((36_000.0, 1.0, 7.0), (43_200.0, 1.0, 7.0))


def painted(path: Path, colour: tuple[int, int, int]) -> str:
    size = (480, 640, 3) if path.stem == "street" else (200, 80, 3)
    cv2.imwrite(str(path), np.full(size, colour, np.uint8))
    return path.name


@pytest.fixture
def day(tmp_path):
    street = painted(tmp_path / "street.png", (110, 110, 110))
    thing = painted(tmp_path / "thing.png", (40, 40, 220))
    scenario = Scenario.model_validate({
        "name": "quiet-1", "about": "A day.", "seed": 1, "duration_s": DAY_S, "fps": 10,
        "backdrop": {"kind": "picture", "picture": street}, "cameras": [STREET_CAMERA],
        "conditions": {"noise": 0},
    })  # fmt: skip

    def actor(name: str) -> ActorSpec:
        return ActorSpec(id=name, kind="cutout", picture=thing, label="person", size_m=1.7)

    visits = [Visit(actor("walker"), WALK), Visit(actor("waiting"), STAND)]
    return StagedDay("street", Pictures(tmp_path), scenario, visits, (), 600.0)


def reds(image: np.ndarray) -> float:
    """Column in which red is, on average."""
    blue, _, red = (image[..., k].astype(int) for k in range(3))
    return float(np.nonzero(red - blue > 60)[1].mean())


def test_equal_contents_are_equal_pictures_and_others_are_not(day):
    seen: dict[object, bytes] = {}
    for t_s in (35_000.0, 36_002.0, 36_002.04, 36_004.0, 37_000.0, 37_001.0, 50_000.0):
        shown = day.picture(t_s).tobytes()
        assert seen.setdefault(day.content(t_s), shown) == shown
    assert len(set(seen.values())) == len(seen) == 5


def test_who_walks_is_elsewhere_a_fifth_of_a_second_later(day):
    first, later = (day.picture(t_s) for t_s in (36_004.0, 36_004.2))
    assert 1 < reds(later) - reds(first) < 30


def test_before_and_after_a_visit_the_street_is_empty(day):
    for t_s in (35_999.0, 43_200.0):
        assert not (np.ptp(day.picture(t_s).astype(int), axis=2) > 60).any()


def test_a_view_says_where_it_is_and_how_large(day):
    assert (day.kind, day.name, day.size) == ("street", "street", (640, 480))
    assert day.picture(40_000.0).shape == (480, 640, 3)
