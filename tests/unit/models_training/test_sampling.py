"""How often pictures of a set are drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.errors import TrainingRefused
from models.labels import LABELS
from models.training.manifest import Picture
from models.training.sampling import CLASS_BOOST, SET_SHARES, sampling_weights, shares_of
from models.training.teacher import Lesson, lesson

NOTHING = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)


def lessons(**counts: int) -> list[Lesson]:
    return [
        lesson(
            Picture(
                Path(f"{n}.webp"), name.replace("_", "-"), "train", "MIT", "", frozenset(), *NOTHING
            ),
            None,
        )
        for name, count in counts.items()
        for n in range(count)
    ]


def test_a_share_is_of_all_pictures_and_the_others_share_the_rest_as_usual() -> None:
    assert shares_of(["eagle=0.25", "my-city=0.4"]) == {"eagle": 0.25, "my-city": 0.4}
    drawn = sampling_weights(lessons(helmet=4, eagle=2, my_city=10), {"my-city": 0.5})
    assert drawn.sum() == pytest.approx(1)
    assert drawn[6:].sum() == pytest.approx(0.5)
    assert drawn[:4].sum() / drawn[4:6].sum() == pytest.approx(
        SET_SHARES["helmet"] / SET_SHARES["eagle"]
    )


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        pytest.param({"eagel": 0.25}, "helmet.*got eagel", id="no-such-set"),
        pytest.param({"helmet": 0.0}, "something to draw", id="nothing-left"),
    ],
)
def test_shares_that_cannot_be_drawn_are_refused(asked: dict[str, float], message: str) -> None:
    with pytest.raises(TrainingRefused, match=message):
        sampling_weights(lessons(helmet=2), asked)


def test_shares_of_more_than_all_are_refused() -> None:
    with pytest.raises(TrainingRefused, match="add up to 1"):
        shares_of(["eagle=0.7", "helmet=0.4"])


@pytest.mark.parametrize(
    "word", ["eagle", "eagle=", "=0.2", "eagle=many", "eagle=1.5", "eagle=nan"]
)
def test_what_is_no_share_is_refused(word: str) -> None:
    with pytest.raises(TrainingRefused, match=r"SET=0\.\.1"):
        shares_of([word])


def test_what_only_a_teacher_saw_is_drawn_more_often_too() -> None:
    seen = np.float32([[LABELS.index("two_wheeler"), 0.9, 0.5, 0.5, 0.2, 0.2]])
    plain, other = lessons(garbage=2)
    drawn = sampling_weights([lesson(plain.picture, seen), other])
    assert drawn[0] == pytest.approx(CLASS_BOOST["two_wheeler"] * drawn[1])
