"""Manifests: licences, unknown classes, negatives, head points."""

from __future__ import annotations

import numpy as np
import pytest

from models.labels import LABELS
from models.training.manifest import _picture, licence_allows
from models.training.sampling import sampling_weights
from models.training.teacher import lesson

STALL, CAR = LABELS.index("stall"), LABELS.index("car")


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        pytest.param("Public Domain (as stated in the Roboflow export)", True, id="public domain"),
        pytest.param("CC BY 4.0", True, id="cc by"),
        pytest.param("repo LICENSE file: MIT (somebody 2024)", True, id="mit"),
        pytest.param("CC BY-SA (community)", False, id="share alike"),
        pytest.param("none stated in repo; photos are CC BY 2.0", False, id="none stated"),
        pytest.param("not stated in repo", False, id="not stated"),
        pytest.param("no licence file; released for research", False, id="no licence file"),
        pytest.param("academic research only", False, id="academic"),
        pytest.param("YouTube standard licence", False, id="youtube"),
        pytest.param("", False, id="empty"),
        pytest.param("all rights reserved", False, id="unknown wording"),
        pytest.param("CC-BY-4.0", True, id="cc by as SPDX writes it"),
        pytest.param("CC BY 4.0 (city of Smithville)", True, id="with a name"),
        pytest.param("Limited to internal use", False, id="mit within a word"),
        pytest.param("City of Smithville", False, id="mit within a name"),
        pytest.param("City of X, CC BY-NC 4.0", False, id="not commercial"),
        pytest.param("CC BY-NC4.0", False, id="not commercial, written together"),
        pytest.param("CC BY-NonCommercial 4.0", False, id="not commercial, in words"),
        pytest.param("CC BY ShareAlike 4.0", False, id="share alike, in words"),
        pytest.param("CC BY-NoDerivatives 4.0", False, id="no derivatives"),
        pytest.param("CC BY 4.0, not for commercial use", False, id="not for commerce"),
        pytest.param("no CC BY", False, id="denied"),
        pytest.param("MIT Indoor Scenes, licence unknown", False, id="unknown"),
        pytest.param("MIT, but not permitted for training", False, id="not permitted"),
    ],
)
def test_only_permissive_licences_feed_a_default_weight(licence: str, allowed: bool) -> None:
    assert licence_allows(licence) is allowed


def row(**more: object) -> dict:
    return {
        "file": "images/a.webp",
        "width": 200,
        "height": 100,
        "labelled_classes": ["car"],
        **more,
    }


def test_only_named_classes_are_labelled(tmp_path) -> None:
    picture = _picture(tmp_path / "eagle", row())
    assert picture.labelled == {CAR}
    assert len(picture.boxes) == 0


def test_doubts_are_in_the_manifest(tmp_path) -> None:
    doubts = [["stall", 0.1, 0.2, 0.3, 0.4], ["dragon", 0, 0, 1, 1]]
    picture = _picture(tmp_path / "mine", row(doubts=doubts))
    np.testing.assert_allclose(picture.doubts, [[STALL, 0.1, 0.2, 0.3, 0.4]])


def test_a_street_without_vendors_is_known_to_hold_no_stall(tmp_path) -> None:
    picture = _picture(tmp_path / "vending", row(negative=True, labelled_classes=[]))
    assert STALL in picture.labelled


def test_a_clean_street_says_nothing_about_stalls(tmp_path) -> None:
    assert STALL not in _picture(tmp_path / "garbage", row(negative=True)).labelled


def test_head_points_are_normalised_by_their_own_size(tmp_path) -> None:
    picture = _picture(tmp_path / "crowd", row(points=[[200, 50]], points_size=[400, 200]))
    assert picture.points is not None
    np.testing.assert_allclose(picture.points, [[0.5, 0.25]])


def test_rare_classes_are_drawn_more_often_and_sets_keep_their_share(tmp_path) -> None:
    (tmp_path / "eagle" / "labels").mkdir(parents=True)
    (tmp_path / "eagle" / "labels" / "rare.txt").write_text("8 0.5 0.5 0.1 0.1\n")
    pictures = [_picture(tmp_path / "eagle", row(file=f"images/{n}.webp")) for n in ("rare", "b")]
    pictures.append(_picture(tmp_path / "garbage", row()))
    weights = sampling_weights([lesson(p, None) for p in pictures], {"eagle": 0.5, "garbage": 0.5})
    assert weights.sum() == pytest.approx(1)
    assert weights[0] == pytest.approx(3 * weights[1])
    assert weights[2] == pytest.approx(0.5)
