"""The review queue in real Chromium: keyboard only, undo, two operators, drops, expiry, phone."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pipeline.ledger.database import reading
from pipeline.ledger.tables import IncidentRow

pytestmark = pytest.mark.browser


def review_of(house: Any, incident_id: str) -> str:
    import uuid

    with reading(house.services.engine) as session:
        row = session.get(IncidentRow, uuid.UUID(incident_id))
        assert row is not None
        return row.review


def wait_review(house: Any, incident_id: str, review: str) -> None:
    deadline = time.monotonic() + 15
    while review_of(house, incident_id) != review:
        assert time.monotonic() < deadline, f"{incident_id} must become {review}"
        time.sleep(0.05)


PLAYING = (
    "() => { const v = document.querySelector('#player video');"
    " return v && v.readyState >= 2 && v.currentTime > 0 && !v.paused }"
)


def test_clip_plays_at_once_with_boxes_over_it(house: Any, desk: Any) -> None:
    with desk() as operator:
        operator.sign_in(house.url)
        page = operator.page
        page.wait_for_function(PLAYING)
        page.wait_for_function(
            "() => { const c = document.querySelector('#player canvas');"
            " const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            " for (let i = 3; i < d.length; i += 4) if (d[i]) return true; return false }"
        )
        seen = "() => document.querySelector('#player video').currentTime"
        times = []
        for _ in range(12):
            times.append(page.evaluate(seen))
            page.wait_for_timeout(250)
        assert all(0.9 <= at <= 8.01 for at in times), "the loop stays around the moment"
        assert operator.hosts == {house.url.split("/")[2]}


def test_undo_brings_it_back(house: Any, desk: Any) -> None:
    with desk() as operator:
        operator.sign_in(house.url)
        page = operator.page
        first = operator.current()
        assert first is not None
        page.keyboard.press("a")
        wait_review(house, first, "accepted")
        page.wait_for_selector(".toast button")
        page.keyboard.press("u")
        wait_review(house, first, "pending")
        page.wait_for_function(
            "id => document.querySelector('#rows .row.current')?.dataset.id === id", arg=first
        )


def test_keys_move_play_step_and_help(house: Any, desk: Any) -> None:
    with desk() as operator:
        operator.sign_in(house.url)
        page = operator.page
        ids = operator.ids()
        page.keyboard.press("j")
        assert operator.current() == ids[1]
        page.keyboard.press("k")
        assert operator.current() == ids[0]
        page.wait_for_function(PLAYING)
        page.keyboard.press(" ")
        page.wait_for_function("() => document.querySelector('#player video').paused")
        before = page.evaluate("document.querySelector('#player video').currentTime")
        page.keyboard.press(".")
        page.wait_for_function(
            "t => document.querySelector('#player video').currentTime > t", arg=before
        )
        page.keyboard.press("?")
        assert page.locator("#help").is_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("c")
        page.keyboard.type("a comment with r and a in it")
        page.keyboard.press("Enter")
        page.wait_for_selector(".history q")
        assert "a comment with r and a" in page.locator(".history q").first.inner_text()
        assert review_of(house, ids[0]) == "pending"


def test_the_second_operator_is_told(house: Any, desk: Any) -> None:
    with desk() as first, desk() as second:
        first.sign_in(house.url)
        second.sign_in(house.url, "supervisor")
        same = first.current()
        assert same == second.current()
        second.page.wait_for_selector("#link:not([hidden]):not(.lost)")
        first.page.keyboard.press("a")
        wait_review(house, same, "accepted")
        second.page.wait_for_selector(".toast.bad")
        assert "operator" in second.page.locator(".toast.bad").first.inner_text()
        second.page.wait_for_function(
            "id => !document.querySelector(`#rows .row[data-id='${id}']:not(.judged)`)", arg=same
        )


def test_a_dropped_connection_catches_up(house: Any, desk: Any) -> None:
    with desk() as operator:
        operator.sign_in(house.url)
        page = operator.page
        page.wait_for_selector("#link:not([hidden])")
        target = operator.ids()[-1]
        page.context.set_offline(True)
        other = house.sign_in("supervisor")
        item = other.get(f"/api/v1/incidents/{target}").json()
        path = f"/api/v1/incidents/{target}/verdicts"
        done = other.post(path, json={"action": "accept", "version": item["version"]})
        assert done.status_code == 200
        page.context.set_offline(False)
        page.wait_for_function(
            "id => !document.querySelector(`#rows .row[data-id='${id}']`)",
            arg=target,
            timeout=30_000,
        )
        operator.wrong = [w for w in operator.wrong if "ERR_INTERNET_DISCONNECTED" not in w]


def test_an_expired_session_leads_to_sign_in_and_back(house: Any, desk: Any) -> None:
    with desk() as operator:
        operator.sign_in(house.url)
        current = operator.current()
        house.clock.ahead_s += 13 * 3600
        operator.page.keyboard.press("a")
        operator.page.wait_for_url("**/signin?next=**")
        assert review_of(house, current) == "pending"
        operator.page.fill("[name=username]", "operator")
        operator.page.fill("[name=password]", "a long enough phrase")
        operator.page.press("[name=password]", "Enter")
        operator.page.wait_for_selector("#rows .row.current")


def test_a_phone_shows_and_judges(house: Any, desk: Any) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with desk(**phone) as operator:
        operator.sign_in(house.url)
        page = operator.page
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390
        box = page.locator("#verdict .accept").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 844, "accept is in reach without scrolling"
        assert box["height"] >= 40
        current = operator.current()
        page.tap("#verdict .accept")
        wait_review(house, current, "accepted")
        for path in ("/live", "/statistics", "/account"):
            page.goto(house.url + path)
            page.wait_for_timeout(400)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
