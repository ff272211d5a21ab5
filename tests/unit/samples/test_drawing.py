"""The camera model and the drawing: geometry against hand-computed values, and what is seen."""

from __future__ import annotations

import numpy as np
import pytest

from sample_videos.drawing.raster import Light, draw_sprite, lay_over
from sample_videos.drawing.solids import Capsule, Face, ball
from sample_videos.optics import PinholeCamera
from sample_videos.scenario import Scenario
from sample_videos.stage import Stage
from sample_videos.timeline import Timeline

CAMERA = PinholeCamera.looking_at((0, -10, 0), (0, 0, 0), 90, (200, 100))
LIGHT = Light(np.array((0.0, -0.5, 0.87)), 0.6, 0.5)


def test_projection_by_hand():
    # 90 degrees over 200 px: f = 100 px; one metre at 10 m is 10 px.
    pixels, depth = CAMERA.project([(0, 0, 0), (1, 0, 0), (0, 0, 1)])
    assert depth == pytest.approx([10, 10, 10])
    assert pixels == pytest.approx(np.array([[100, 50], [110, 50], [100, 40]]))


def test_ground_homography_agrees_with_the_projection():
    camera = PinholeCamera.looking_at((1, -8, 5), (0.5, 3, 0.2), 60, (640, 360))
    pixels, _ = camera.project([(2, 4, 0), (-1, 1, 0)])
    for pixel, ground in zip(pixels, [(2, 4), (-1, 1)], strict=True):
        assert camera.ground_at(pixel) == pytest.approx(ground)


def test_ball_covers_its_disc():
    sprite = draw_sprite(CAMERA, [ball((0, 0, 0), 1.0, (10, 200, 30))], LIGHT)
    left, top, right, bottom = sprite.xyxy
    assert (left, right) == pytest.approx((90, 110), abs=1.1)
    assert (top, bottom) == pytest.approx((40, 60), abs=1.1)
    assert sprite.alpha.sum() == pytest.approx(np.pi * 10**2, rel=0.05)


def test_nearer_solid_hides_the_farther_one():
    red, blue = ball((0, 0, 0), 1, (0, 0, 255)), ball((0, 3, 0), 1.5, (255, 0, 0))
    for order in ([red, blue], [blue, red]):
        sprite = draw_sprite(CAMERA, order, LIGHT)
        middle = sprite.colour[50 - sprite.top, 100 - sprite.left]
        assert middle[2] > middle[0]


def test_face_and_dome_are_cut_as_said():
    dome = Capsule(np.zeros(3), np.zeros(3), 1.0, 1.0, (9, 9, 9), cut=(np.array((0.0, 0, 1)), 0.0))
    assert draw_sprite(CAMERA, [dome], LIGHT).xyxy[3] == pytest.approx(50, abs=1.1)
    wall = Face(np.array([(-1.0, 0, 0), (1, 0, 0), (1, 0, 2), (-1, 0, 2)]), (80, 80, 80))
    assert draw_sprite(CAMERA, [wall], LIGHT).xyxy == pytest.approx((90, 30, 110, 50), abs=1.1)


def test_out_of_sight_draws_nothing():
    assert draw_sprite(CAMERA, [ball((0, -20, 0), 1, (1, 1, 1))], LIGHT) is None
    assert draw_sprite(CAMERA, [ball((90, 0, 0), 1, (1, 1, 1))], LIGHT) is None


def test_lay_over_stays_within_the_picture():
    image = np.zeros((100, 200, 3), np.uint8)
    sprite = draw_sprite(CAMERA, [ball((9.8, 0, 0), 1, (255, 255, 255))], LIGHT)
    lay_over(image, sprite)
    assert image[:, -3:].max() > 100


def stage(**parts):
    made = Scenario.model_validate(
        {
            "name": "t",
            "about": "a test",
            "duration_s": 10,
            "fps": 5,
            "cameras": [
                {"id": "c", "position_m": [0, -8, 4], "look_at_m": [0, 3, 0.5], "size": [320, 180]}
            ],
            **parts,
        }
    )
    return Stage(Timeline(made), made.cameras[0])


MAN = {"id": "man", "kind": "person", "at_m": [0, 3], "clothes": {"head": "helmet"}}


def test_same_frame_twice_is_the_same_picture():
    a, b = stage(actors=[MAN]), stage(actors=[MAN])
    b.frame(3)
    assert np.array_equal(a.frame(7)[0], b.frame(7)[0])


def test_person_has_a_box_and_a_head():
    _, boxes = stage(actors=[MAN]).frame(0)
    by_label = {b.label: b for b in boxes}
    person, head = by_label["person"], by_label["helmet"]
    assert person.visible > 0.95
    assert person.xyxy[1] - 1 <= head.xyxy[1] < head.xyxy[3] < np.mean(person.xyxy[1::2])
    assert person.xyxy[0] - 1 <= head.xyxy[0] < head.xyxy[2] <= person.xyxy[2] + 1


def test_what_stands_behind_is_partly_hidden():
    wall = {"id": "w", "kind": "planter", "at_m": [0, 2], "heading_deg": 90}
    _, boxes = stage(actors=[MAN, wall]).frame(0)
    person = next(b for b in boxes if b.label == "person")
    assert 0.2 < person.visible < 0.95


def test_carried_bag_is_not_garbage():
    bag = {"id": "bag", "kind": "bag", "in_hand_of": "man"}
    _, boxes = stage(actors=[MAN, bag]).frame(0)
    assert "garbage" not in {b.label for b in boxes}
    assert "carried_bag" in {b.label for b in boxes}


def test_bin_changes_its_class_when_it_overflows():
    bin_ = {"id": "b", "kind": "bin", "at_m": [0, 3], "level": 0.5}
    made = stage(actors=[bin_], events=[{"actor": "b", "do": "fill", "at_s": 1, "level": 1.6}])
    assert [b.label for b in made.frame(0)[1]] == ["bin"]
    assert [b.label for b in made.frame(20)[1]] == ["overflowing_bin"]


@pytest.mark.parametrize("light", ["dusk", "night"])
def test_later_is_darker(light):
    day = stage(conditions={"light": "day"}).frame(0)[0].mean()
    assert stage(conditions={"light": light}).frame(0)[0].mean() < 0.8 * day


def test_shake_moves_picture_and_boxes_together():
    still = stage(actors=[MAN], conditions={"noise": 0})
    shaken = stage(actors=[MAN], conditions={"noise": 0, "shake_px": 6})
    a = next(b for b in still.frame(3)[1] if b.label == "person")
    b = next(b for b in shaken.frame(3)[1] if b.label == "person")
    assert np.abs(np.array(a.xyxy) - b.xyxy).max() > 0.5
    assert not np.array_equal(still.frame(3)[0], shaken.frame(3)[0])
