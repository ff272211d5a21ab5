"""Novelty: a thing put down is found; light, shadows, people and removals are not things."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.novelty import NoveltyDetector, NoveltySettings

SIZE = (160, 90)
THING = (75, 50, 95, 70)
SMALL = NoveltySettings(width_px=SIZE[0])


def _pavement():
    rng = np.random.default_rng(1)
    coarse = rng.integers(60, 190, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    smooth = cv2.GaussianBlur(coarse, (0, 0), 1.5).astype(np.float32)
    return (smooth - smooth.mean()) * 1.5 + 120


PAVEMENT = _pavement()


class Street:
    """Draws pictures of one pavement with noise that differs in each."""

    def __init__(self):
        self._rng = np.random.default_rng(2)

    def picture(self, *, thing=False, light=0.0, slope=0.0, shadow=False, person=None, dx=0):
        image = PAVEMENT.copy()
        if thing:
            left, top, right, bottom = THING
            image[top:bottom, left:right] = (40, 60, 180)
            image[top : top + 3, left:right] = 240
            image[top + 10 : top + 13, left:right] = 20
        if person is not None:
            image[37:75, person : person + 12] = (90, 40, 30)
        image += light + slope * np.linspace(-1, 1, SIZE[0])[None, :, None]
        if shadow:
            image[25:85, 25:62] *= 0.6
        image += self._rng.normal(0, 3, image.shape)
        return np.clip(np.roll(image, dx, axis=1), 0, 255).astype(np.uint8)


def play(script, until_s=60.0, step_s=2.0, settings=SMALL):
    """All answers of a detector that sees the script's pictures; a script may name busy boxes."""
    detector, street, out = NoveltyDetector(settings), Street(), []
    for now_s in np.arange(0.0, until_s, step_s):
        drawn = script(float(now_s))
        busy = drawn.pop("busy", [])
        out.append((float(now_s), detector.update(street.picture(**drawn), float(now_s), busy)))
    return out


def iou(box, other=THING):
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    shared = max(0, width) * max(0, height)
    areas = sum((b[2] - b[0]) * (b[3] - b[1]) for b in (box, other))
    return shared / (areas - shared)


class TestNovelThing:
    @pytest.mark.parametrize("step_s", [0.5, 2.0, 10.0])
    def test_is_found_after_it_stood(self, step_s):
        answers = play(lambda t: {"thing": t >= 20}, step_s=step_s)
        found = [(t, things) for t, things in answers if things]
        first_s, things = found[0]
        assert len(things) == 1
        assert 28 <= first_s <= 28 + step_s
        assert 20 <= things[0].since_s <= 20 + step_s
        assert iou(things[0].xyxy) > 0.8

    def test_keeps_its_id(self):
        answers = play(lambda t: {"thing": t >= 10}, until_s=100)
        assert {thing.object_id for _, things in answers for thing in things} == {1}

    def test_is_gone_when_taken_away(self):
        answers = play(lambda t: {"thing": 10 <= t < 40})
        assert answers[19][1] != ()
        assert all(things == () for t, things in answers if t > 42)

    def test_hidden_it_is_kept_in_mind_but_not_seen(self):
        def script(t):
            hidden = 30 <= t < 50
            box = [(70.0, 35.0, 100.0, 78.0)] if hidden else []
            return {"thing": t >= 10, "person": 78 if hidden else None, "busy": box}

        answers = dict(play(script, until_s=70))
        assert [t.last_seen_s for t in answers[40.0]] == [28.0]
        assert [(t.object_id, t.last_seen_s) for t in answers[60.0]] == [(1, 60.0)]

    def test_close_pictures_are_not_judged_again_but_still_answered(self):
        detector, street = NoveltyDetector(SMALL), Street()
        for t in range(20):
            detector.update(street.picture(thing=t > 2), float(t), [])
        again = detector.update(street.picture(thing=True), 19.04, [])
        assert [t.last_seen_s for t in again] == [19.04]

    def test_becomes_background_in_the_end(self):
        quick = NoveltySettings(width_px=SIZE[0], absorb_s=30)
        answers = play(lambda t: {"thing": t >= 10}, until_s=80, settings=quick)
        assert answers[15][1] != ()
        assert answers[-1][1] == ()


class TestRestart:
    def test_what_stood_there_is_still_new(self):
        first, street = NoveltyDetector(SMALL), Street()
        for t in range(20):
            first.update(street.picture(thing=t > 2), float(t), [])
        again = NoveltyDetector(SMALL)
        again.restore(first.state())
        found = again.update(street.picture(thing=True), 40.0, [])
        assert [round(t.since_s) for t in found] == [3]

    def test_without_a_state_it_is_background(self):
        detector, street = NoveltyDetector(SMALL), Street()
        detector.restore(NoveltyDetector(SMALL).state())
        for t in range(40):
            assert detector.update(street.picture(thing=True), float(t), []) == ()

    @pytest.mark.parametrize("state", [b"x", b"PK\x03\x04 broken"])
    def test_a_damaged_state_is_refused(self, state):
        with pytest.raises(ValueError, match="state"):
            NoveltyDetector(SMALL).restore(state)

    def test_a_cut_state_is_refused(self):
        detector = NoveltyDetector(SMALL)
        detector.update(Street().picture(), 0.0, [])
        with pytest.raises(ValueError, match="state"):
            NoveltyDetector(SMALL).restore(detector.state()[:-40])


class TestNothingNew:
    @pytest.mark.parametrize("step_s", [0.5, 5.0])
    @pytest.mark.parametrize(
        "script",
        [
            pytest.param(lambda t: {}, id="nothing"),
            pytest.param(lambda t: {"thing": True}, id="there from the start"),
            pytest.param(lambda t: {"light": -30 * min(t / 40, 1)}, id="dusk"),
            pytest.param(lambda t: {"light": 25.0 if t > 20 else 0.0}, id="lamp"),
            pytest.param(lambda t: {"slope": 30 * min(t / 40, 1)}, id="low sun"),
            pytest.param(lambda t: {"shadow": t > 20}, id="shadow"),
            pytest.param(lambda t: {"thing": t < 20}, id="taken away"),
            pytest.param(lambda t: {"dx": 15 if t > 20 else 0}, id="camera turned"),
        ],
    )
    def test_is_found(self, script, step_s):
        assert all(things == () for _, things in play(script, step_s=step_s))

    def test_people_under_busy_boxes_are_not_new(self):
        def standing(t):
            return {"person": 50, "busy": [(50.0, 37.0, 62.0, 75.0)]} if t > 10 else {}

        assert all(things == () for _, things in play(standing))

    def test_what_a_person_hid_at_the_start_is_background(self):
        def script(t):
            if t < 10:
                return {"thing": True, "busy": [(70.0, 45.0, 100.0, 75.0)]}
            return {"thing": True}

        assert all(things == () for _, things in play(script))

    def test_another_size_of_picture_begins_anew(self):
        detector, street = NoveltyDetector(SMALL), Street()
        detector.update(street.picture(), 0.0, [])
        narrow = np.ascontiguousarray(street.picture(thing=True)[:, :120])
        assert detector.update(narrow, 20.0, []) == ()

    def test_busy_boxes_outside_the_picture_do_no_harm(self):
        detector, street = NoveltyDetector(SMALL), Street()
        for t in range(3):
            wild = [(-500.0, -500.0, -100.0, -100.0), (150.0, 80.0, 2000.0, 2000.0)]
            assert detector.update(street.picture(), float(t), wild) == ()
