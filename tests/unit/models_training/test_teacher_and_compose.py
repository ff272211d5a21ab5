"""Teacher's labels, and training pictures with their map of what is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.detections import Detections
from models.labels import LABELS
from models.training.augment import camera_effects, compress, night, other_hats, rain
from models.training.compose import CELL_PX, Recipe, _turned, cut
from models.training.manifest import Picture
from models.training.teach import DOUBTED
from models.training.teach import opinion as opinion_of
from models.training.teacher import SURE, lesson

PERSON, HELMET, CAR = (LABELS.index(c) for c in ("person", "helmet", "car"))


def picture(class_ids: list[int], labelled: set[int], **more: object) -> Picture:
    boxes = np.tile(np.float32([0.5, 0.5, 0.2, 0.2]), (len(class_ids), 1))
    classes = np.asarray(class_ids, np.int32)
    return Picture(
        Path("a.webp"),
        "helmet",
        "train",
        "MIT",
        "",
        frozenset(labelled),
        boxes,
        classes,
        **more,  # type: ignore[arg-type]
    )


def opinion(*rows: tuple[float, ...]) -> np.ndarray:
    return np.asarray(rows, np.float32).reshape(-1, 6)


def test_a_sure_teacher_adds_labels_of_unlabelled_classes() -> None:
    taught = lesson(picture([HELMET], {HELMET}), opinion((PERSON, 0.9, 0.5, 0.5, 0.4, 0.9)))
    assert taught.class_id.tolist() == [HELMET, PERSON]
    assert taught.known[PERSON]


def test_an_unsure_teacher_leaves_a_place_unknown() -> None:
    taught = lesson(picture([HELMET], {HELMET}), opinion((PERSON, 0.3, 0.5, 0.5, 0.4, 0.9)))
    assert taught.class_id.tolist() == [HELMET]
    assert taught.unsure[:, 0].tolist() == [PERSON]


def test_a_person_the_source_forgot_is_ignored_not_learned() -> None:
    taught = lesson(picture([PERSON], {PERSON}), opinion((PERSON, 0.9, 0.1, 0.1, 0.1, 0.1)))
    assert taught.class_id.tolist() == [PERSON]
    assert len(taught.unsure) == 1


def test_a_person_the_source_has_is_no_doubt() -> None:
    taught = lesson(picture([PERSON], {PERSON}), opinion((PERSON, 0.9, 0.5, 0.5, 0.2, 0.2)))
    assert len(taught.unsure) == 0


def test_from_above_the_teachers_silence_proves_nothing() -> None:
    taught = lesson(picture([CAR], {CAR}, from_above=True), opinion())
    assert not taught.known[PERSON]
    assert taught.known[CAR]


def test_a_place_nobody_judged_is_ignored() -> None:
    doubts = np.float32([[HELMET, 0.2, 0.2, 0.1, 0.1]])
    taught = lesson(
        picture([], {HELMET}, doubts=doubts), opinion((PERSON, 0.3, 0.5, 0.5, 0.4, 0.9))
    )
    assert taught.unsure[:, 0].tolist() == [HELMET, PERSON]
    np.testing.assert_allclose(taught.unsure[0], doubts[0])


def test_without_a_teacher_unlabelled_classes_are_unknown() -> None:
    taught = lesson(picture([HELMET], {HELMET}), None)
    assert taught.known.sum() == 1


def test_sure_is_a_confidence_a_label_deserves() -> None:
    assert 0.3 < SURE < 1


GREY_IMAGE = np.full((120, 160, 3), 90, np.uint8)


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("seed", range(4))
def test_boxes_stay_inside_and_the_map_fits(count: int, seed: int) -> None:
    source = (GREY_IMAGE, lesson(picture([HELMET], {HELMET}), None))
    made = cut([source] * count, Recipe(size_px=128), np.random.default_rng(seed))
    assert made.image.shape == (128, 128, 3)
    assert made.known.shape == (len(LABELS), 128 // CELL_PX, 128 // CELL_PX)
    assert (made.xyxy >= 0).all()
    assert (made.xyxy <= 128).all()
    assert len(made.class_id) == len(made.xyxy)


def test_a_mosaic_knows_in_each_part_only_what_its_source_labelled() -> None:
    helmets = (GREY_IMAGE, lesson(picture([], {HELMET}), None))
    cars = (GREY_IMAGE, lesson(picture([], {CAR}), None))
    made = cut([helmets, cars, cars, cars], Recipe(size_px=128), np.random.default_rng(1))
    assert made.known[HELMET, 0, 0] == 1
    assert made.known[HELMET, 0, -1] == 0
    assert made.known[CAR, 0, 0] == 0
    assert made.known[CAR, -1, -1] == 1


def test_a_picture_seen_straight_down_is_turned_in_all_eight_ways() -> None:
    image = np.arange(6 * 6 * 3, dtype=np.uint8).reshape(6, 6, 3)
    image[0, 1], box = 255, np.float32([[1 / 6, 0, 2 / 6, 1 / 6]])
    rng, seen = np.random.default_rng(0), set()
    for _ in range(200):
        turned, boxes, _ = _turned(image, box, np.zeros((0, 4), np.float32), True, rng)
        left, top = np.round(boxes[0, :2] * 6).astype(int)
        assert turned[top, left].tolist() == [255, 255, 255]
        seen.add((int(left), int(top)))
    assert len(seen) == 8


def test_a_picture_from_high_up_is_also_seen_as_large_as_its_tiles() -> None:
    recipe = Recipe(size_px=640, scale=(0.5, 1.0), above=2.0, min_visible=0.0)
    widths = {True: [], False: []}
    for from_above in widths:
        taught = lesson(picture([CAR], {CAR}, from_above=from_above), None)
        for seed in range(60):
            made = cut([(GREY_IMAGE, taught)], recipe, np.random.default_rng(seed))
            widths[from_above] += (made.xyxy[:, 2] - made.xyxy[:, 0]).tolist()
    full_px = 0.2 * 640
    assert max(widths[False]) < 1.15 * full_px < 1.7 * full_px < max(widths[True])
    assert min(widths[True]) < 0.7 * full_px


def test_an_elder_is_not_asked_about_what_is_drawn_or_far_below() -> None:
    photo = (GREY_IMAGE, lesson(picture([], {HELMET}), None))
    exact = replace(picture([], {HELMET}), traits={"annotation": "exact"})
    drawn = (GREY_IMAGE, lesson(exact, None))
    made = cut([photo, drawn, photo, photo], Recipe(size_px=128), np.random.default_rng(1))
    assert (made.unasked[0, 0], made.unasked[0, -1], made.unasked[-1, -1]) == (0, 1, 0)
    high = (GREY_IMAGE, lesson(replace(picture([], {HELMET}), from_above=True), None))
    made = cut([photo, high, photo, photo], Recipe(size_px=128), np.random.default_rng(1))
    assert (made.unasked[0, 0], made.unasked[0, -1], made.unasked[-1, -1]) == (0, 1, 0)


def test_a_place_of_doubt_is_unknown_for_its_class_alone() -> None:
    doubtful = lesson(picture([HELMET], {HELMET}), opinion((PERSON, 0.3, 0.5, 0.5, 1.0, 1.0)))
    made = cut([(GREY_IMAGE, doubtful)], Recipe(size_px=128), np.random.default_rng(0))
    assert (made.known[PERSON] == 0).any()
    assert (made.known[HELMET] == 1).all()


@pytest.mark.parametrize("effect", [camera_effects, night, rain, compress])
def test_effects_keep_shape_and_type(effect) -> None:
    for seed in range(5):
        out = effect(GREY_IMAGE, np.random.default_rng(seed))
        assert (out.shape, out.dtype) == (GREY_IMAGE.shape, np.uint8)


def test_the_same_seed_makes_the_same_picture() -> None:
    source = (GREY_IMAGE, lesson(picture([HELMET], {HELMET}), None))
    a, b = (cut([source], Recipe(size_px=128), np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(a.image, b.image)


def test_coco_classes_become_patrol_classes_and_rivals_become_doubts() -> None:
    same_place = [[0, 0, 100, 100], [0, 0, 100, 98], [200, 200, 240, 240]]
    found = Detections(np.float32(same_place), np.float32([0.9, 0.8, 0.7]), np.int32([2, 7, 16]))
    rows = opinion_of(found, (400, 400))
    assert rows[:, 0].tolist() == [LABELS.index("car"), LABELS.index("truck_bus")]
    assert rows[:, 1].tolist() == pytest.approx([0.9, DOUBTED])
    np.testing.assert_allclose(rows[0, 2:], [0.125, 0.125, 0.25, 0.25])


def test_a_hat_gets_another_colour_and_what_is_not_of_its_colour_stays() -> None:
    image = np.full((80, 80, 3), 128, np.uint8)
    image[20:45, 20:60] = (0, 220, 240)
    image[45:60, 25:55] = (120, 150, 200)
    before = image.copy()
    boxes = np.float32([[20, 20, 60, 60], [20, 20, 60, 60], [-20, 70, 4, 90]])
    told = other_hats(image, np.tile(boxes, (4, 1)), np.random.default_rng(3))
    assert {tuple(box) for box in told.tolist()} == {(20.0, 20.0, 60.0, 60.0)}
    changed = np.abs(image.astype(int) - before).max(2)
    assert np.median(changed[22:44, 22:58]) > 60
    assert not changed[:18].any()
    assert not changed[48:].any()


def test_a_head_too_small_to_dye_is_neither_changed_nor_told() -> None:
    image = np.full((80, 80, 3), 128, np.uint8)
    small = np.tile(np.float32([[10, 10, 15, 17]]), (12, 1))
    assert other_hats(image, small, np.random.default_rng(1)).shape == (0, 4)
    assert (image == 128).all()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_an_elder_is_not_asked_about_hats_of_another_colour(share: float) -> None:
    heads = (GREY_IMAGE, lesson(picture([HELMET] * 8, {HELMET}), None))
    recipe = Recipe(size_px=320, hats=share, effects=0.0, mosaic=0.0)
    made = cut([heads], recipe, np.random.default_rng(2))
    cells = made.unasked.any()
    assert cells == (share > 0)
    assert not made.unasked.all()
