"""Two hundred incidents judged with the keyboard alone; the next clip is loaded before the key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from pipeline.ledger.database import reading
from pipeline.ledger.tables import IncidentRow

pytestmark = pytest.mark.browser
COUNT = 200
PLAYING = (
    "() => { const v = document.querySelector('#player video');"
    " return v && v.readyState >= 2 && v.currentTime > 0 }"
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, api_kit: Any) -> Iterator[Any]:
    """A shift's work: a few more incidents than are judged, on cameras enough to stay apart."""
    yield from api_kit.open_house(tmp_path_factory.mktemp("shift"), COUNT + 8, cameras=52)


def reviews(house: Any) -> Counter[str]:
    query = sa.select(IncidentRow.review, sa.func.count()).group_by(IncidentRow.review)
    with reading(house.services.engine) as session:
        return Counter({row[0]: row[1] for row in session.execute(query)})


def test_the_next_clip_is_loaded_before_the_key(house: Any, desk: Any) -> None:
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
def test_two_hundred_are_judged_with_the_keyboard_alone(house: Any, desk: Any) -> None:
    judged: dict[str, str] = {}
    with desk() as operator:
        operator.sign_in(house.url)
        page = operator.page
        for number in range(COUNT):
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
    assert len(judged) == COUNT
    assert reviews(house) == {"accepted": COUNT // 2, "rejected": COUNT // 2, "pending": 8}
