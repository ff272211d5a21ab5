"""A shift of incidents judged with the keyboard alone; the next clip is loaded before the key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from builders.house import House, open_house

from pipeline.ledger.database import reading
from pipeline.ledger.tables import IncidentRow

pytestmark = pytest.mark.browser
ON_A_PAGE = 50
PLAYING = (
    "() => { const v = document.querySelector('#player video');"
    " return v && v.readyState >= 2 && v.currentTime > 0 }"
)


@pytest.fixture(scope="module")
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A few more incidents than the parameter says, on cameras enough to stay apart."""
    count = getattr(request, "param", 0) + 8
    yield from open_house(tmp_path_factory.mktemp("shift"), count, cameras=52)


def reviews(house: House) -> Counter[str]:
    query = sa.select(IncidentRow.review, sa.func.count()).group_by(IncidentRow.review)
    with reading(house.services.engine) as session:
        return Counter({row[0]: row[1] for row in session.execute(query)})


def test_the_next_clip_is_loaded_before_the_key(house: House, desk: Any) -> None:
    asked: list[str] = []
    with desk() as operator:
        operator.page.on("request", lambda request: asked.append(request.url))
        operator.sign_in(house.url)
        page = operator.page
        page.wait_for_function(PLAYING)
        following = operator.ids()[1]
        clip = page.evaluate(
            "async id => (await (await fetch('/api/v1/incidents/' + id)).json()).files.clip",
            following,
        )
        path = clip.split("?")[0]
        page.wait_for_timeout(500)
        assert any(path in url for url in asked), "the next clip must be on its way already"
        asked.clear()
        page.keyboard.press("j")
        page.wait_for_function(
            f"() => document.querySelector('#player video')?.currentSrc.includes('{path}')"
        )
        page.wait_for_function(PLAYING)
        assert not any(path in url for url in asked), "and is not asked for again"


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("house", "count"),
    [
        pytest.param(ON_A_PAGE + 10, ON_A_PAGE + 10, id="more than a page"),
        pytest.param(200, 200, id="a shift", marks=pytest.mark.slow),
    ],
    indirect=["house"],
)
def test_many_are_judged_with_the_keyboard_alone(house: House, desk: Any, count: int) -> None:
    judged: dict[str, str] = {}
    with desk() as operator:
        operator.sign_in(house.url)
        page = operator.page
        for number in range(count):
            page.wait_for_selector("#verdict .accept:not([disabled])")
            current = operator.current()
            assert current is not None
            assert current not in judged, "nothing comes twice"
            if number % 2:
                page.keyboard.press("r")
                page.keyboard.press(str(1 + number % 9))
            else:
                page.keyboard.press("a")
            judged[current] = "rejected" if number % 2 else "accepted"
            page.wait_for_function(
                "id => document.querySelector('#rows .row.current')?.dataset.id !== id",
                arg=current,
            )
        page.wait_for_timeout(1500)
        assert page.locator(".toast.bad").count() == 0
    assert len(judged) == count
    assert reviews(house) == {"accepted": count // 2, "rejected": count // 2, "pending": 8}
