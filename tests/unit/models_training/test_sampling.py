"""How often pictures of a set are drawn."""

from __future__ import annotations

import pytest

from models.errors import TrainingRefused
from models.training.sampling import SET_SHARES, shares_of


def test_a_share_that_is_said_replaces_one_and_leaves_the_others() -> None:
    assert shares_of([]) == SET_SHARES
    assert shares_of(["eagle=0.25", "my-city=0.4"]) == {**SET_SHARES, "eagle": 0.25, "my-city": 0.4}


@pytest.mark.parametrize(
    "word", ["eagle", "eagle=", "=0.2", "eagle=many", "eagle=1.5", "eagle=nan"]
)
def test_what_is_no_share_is_refused(word: str) -> None:
    with pytest.raises(TrainingRefused, match=r"SET=0\.\.1"):
        shares_of([word])
