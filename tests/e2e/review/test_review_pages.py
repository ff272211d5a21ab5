"""All pages in real Chromium: both languages, weight, accessibility, the zone editor."""

from __future__ import annotations

import re
import time
from importlib.resources import files
from typing import Any

import pytest

from bench.review.pictures import still_jpeg
from pipeline.status import CameraCard, CameraStatus, PresetFault, StatusWriter
from pipeline.stills import StillWriter
from pipeline.types import ViewKey

pytestmark = pytest.mark.browser
PAGES = ("review", "live", "zones", "statistics", "audit", "people", "account")
AXE = files("axe_playwright_python") / "axe.min.js"


def settle(page: Any) -> None:
    page.wait_for_load_state("load")
    page.wait_for_timeout(700)


@pytest.mark.parametrize(("locale", "word"), [("zh-CN", "待审队列"), ("en-GB", "Review queue")])
def test_every_page_speaks_the_browsers_language(
    house: Any, desk: Any, locale: str, word: str
) -> None:
    with desk(locale=locale) as boss:
        boss.sign_in(house.url, "administrator")
        assert word in boss.page.locator("h2#queue-title").inner_text()
        for name in PAGES:
            boss.page.goto(f"{house.url}/{name}")
            settle(boss.page)
            text = boss.page.locator("body").inner_text()
            keys = re.findall(r"\b(?:nav|queue|do|detail|live|zones|statistics)\.[a-z_]+\b", text)
            assert keys == [], f"words are missing on {name}"
            if locale == "en-GB":
                own = re.sub(r"[^\n]*(?:路|街|道|站)[^\n]*|中文", "", text)
                assert not re.search(r"[一-鿿]", own), f"Chinese is left on {name}"
        assert boss.hosts == {house.url.split("/")[2]}


def test_the_language_switch_is_kept(house: Any, desk: Any) -> None:
    with desk() as viewer:
        viewer.sign_in(house.url, "viewer")
        viewer.page.click("#language")
        viewer.page.wait_for_selector("html[lang='zh-CN']")
    with desk() as viewer:
        viewer.sign_in(house.url, "viewer")
        assert viewer.page.locator("html").get_attribute("lang") == "zh-CN"


def test_the_review_page_is_light(house: Any, desk: Any) -> None:
    with desk() as operator:
        operator.sign_in(house.url)
        settle(operator.page)
        sizes = operator.page.evaluate(
            "[performance.getEntriesByType('navigation')[0],"
            " ...performance.getEntriesByType('resource')]"
            ".map(e => [e.name, e.transferSize])"
        )
        weight = sum(size for name, size in sizes if "/evidence/" not in name)
        assert 10_000 < weight <= 500_000, sizes


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(house: Any, desk: Any, theme: str) -> None:
    with desk(color_scheme=theme, bypass_csp=True) as boss:
        boss.sign_in(house.url, "administrator")
        found = {}
        for name in (*PAGES, "signin"):
            boss.page.goto(f"{house.url}/{name}")
            settle(boss.page)
            boss.page.add_script_tag(content=AXE.read_text("utf-8"))
            result = boss.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
            for violation in result["violations"]:
                nodes = [node["html"][:140] for node in violation["nodes"][:4]]
                found[f"{name}: {violation['id']}"] = nodes
        assert found == {}


def test_a_zone_is_drawn_on_the_still_and_saved(house: Any, desk: Any) -> None:
    view = ViewKey("cam-000")
    with desk() as supervisor:
        supervisor.sign_in(house.url, "supervisor")
        page = supervisor.page
        page.goto(f"{house.url}/zones#cam-000/main")
        page.wait_for_function("() => document.querySelector('#editor img').naturalWidth > 0")
        page.click("#add")
        box = page.locator("#editor").bounding_box()
        assert box is not None
        for x, y in ((0.2, 0.4), (0.8, 0.4), (0.8, 0.9), (0.2, 0.9)):
            page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.keyboard.press("Enter")
        page.wait_for_selector("#form:not([hidden])")
        page.fill("#form input", "市场门口")
        page.keyboard.press("Tab")
        page.fill("#note", "drawn in a test")
        page.click("#save")
        page.wait_for_selector(".toast")
        saved = house.services.zones.current(view)
        assert saved.saved_by == "supervisor"
        zone = saved.zones[-1]
        assert zone["name"] == "市场门口"
        flat = [value for point in zone["polygon"] for value in point]
        assert flat == pytest.approx([0.2, 0.4, 0.8, 0.4, 0.8, 0.9, 0.2, 0.9], abs=0.01)


def test_ground_points_are_clicked_on_the_still_and_placed(house: Any, desk: Any) -> None:
    """Four pairs, typed and clicked: the grid of metres lies over the still, and they are kept."""
    pairs = {
        (0.2, 0.9): (114.05, 22.54),
        (0.8, 0.9): (114.0502, 22.54),
        (0.65, 0.4): (114.0502, 22.5404),
        (0.35, 0.4): (114.05, 22.5404),
    }
    with desk() as supervisor:
        supervisor.sign_in(house.url, "supervisor")
        page = supervisor.page
        page.goto(f"{house.url}/zones#cam-002/main")
        page.wait_for_function("() => document.querySelector('#editor img').naturalWidth > 0")
        page.click("#calibrate")
        box = page.locator("#editor").bounding_box()
        assert box is not None
        for number, ((x, y), lonlat) in enumerate(pairs.items()):
            page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
            row = page.locator(".points li").nth(number)
            for at in (0, 1):
                row.locator("input").nth(at).fill(str(lonlat[at]))
                row.locator("input").nth(at).blur()
        page.wait_for_selector("#editor path.ground")
        assert page.locator("#editor path.ground").count() > 5
        assert "0.00 m" in page.locator("#ground [role=status]").inner_text()
        page.click("#save")
        page.wait_for_selector(".toast")
        saved = house.services.zones.current(ViewKey("cam-002"))
        assert saved.calibration is not None
        assert len(saved.calibration["points"]) == 4
        first = saved.calibration["points"][0]
        assert first["lonlat"] == [114.05, 22.54]
        width, height = saved.calibration["image_size"]
        assert first["px"] == pytest.approx([0.2 * width, 0.9 * height], abs=0.01 * width)


def test_rights_by_area_are_ticked(house: Any, desk: Any) -> None:
    house.add_user("street", "viewer", ())
    with desk() as boss:
        boss.sign_in(house.url, "administrator")
        boss.page.goto(f"{house.url}/people")
        boss.page.click("button[aria-label='Areas of street']")
        boss.page.check("#areas input[value='440304002']")
        boss.page.check("#areas input[value='440304002000']")
        boss.page.click("#areas button[value=ok]")
        boss.page.wait_for_function(
            "() => [...document.querySelectorAll('#users input')]"
            ".some(input => input.value === '440304002')"
        )
    user = house.services.people.by_name("street")
    assert user is not None
    assert user.areas == ("440304002",), "a tick on the street holds for what is in it"


def test_the_map_shows_cameras_their_views_and_open_incidents(house: Any, desk: Any) -> None:
    with desk() as viewer:
        viewer.sign_in(house.url, "viewer")
        viewer.page.goto(f"{house.url}/live")
        viewer.page.wait_for_selector("#map path.incident")
        assert viewer.page.locator("#map circle.camera").count() == 6
        assert viewer.page.locator("#map path.fov").count() == 6
        pending = viewer.page.locator("#map path.incident")
        before = pending.count()
        operator = house.sign_in("operator")
        placed = {"review": "pending", "order": "urgent", "grid": "440304"}
        item = operator.get("/api/v1/incidents", params=placed).json()["items"][0]
        path = f"/api/v1/incidents/{item['incident_id']}/verdicts"
        operator.post(path, json={"action": "accept", "version": item["version"]})
        viewer.page.wait_for_function(
            "n => document.querySelectorAll('#map path.incident').length === n", arg=before - 1
        )


def test_camera_wall_shows_health_live(house: Any, desk: Any) -> None:
    with desk() as viewer:
        viewer.sign_in(house.url, "viewer")
        viewer.page.goto(f"{house.url}/live")
        viewer.page.wait_for_selector(".tile img:not([hidden])")
        writer = StatusWriter(house.services.engine)
        writer.write([CameraStatus("cam-000", "down", "the <b>cable</b> was cut")])
        tile = viewer.page.locator(".tile.down", has_text="the <b>cable</b> was cut")
        tile.wait_for()


def test_a_wrong_preset_shows_both_pictures_and_a_head_is_taken_by_hand(
    house: Any, desk: Any
) -> None:
    writer, view = StatusWriter(house.services.engine), ViewKey("cam-004")
    stills = StillWriter(house.data_dir / "stills")
    for name in ("reference", "seen"):
        stills.write_fault(view, name, still_jpeg())
    fault = PresetFault("main", "wrong_view", "arrival 1 in a row", "quay", time.time(), True)
    writer.write(
        [CameraStatus("cam-004", "wrong_view", "main: arrival 1 in a row", faults=[fault])]
    )
    with desk() as operator:
        operator.sign_in(house.url, "operator")
        operator.page.goto(f"{house.url}/live")
        tile = operator.page.locator(".tile", has=operator.page.locator(".fault"))
        tile.wait_for()
        operator.page.wait_for_function(
            "() => [...document.querySelectorAll('.fault img')].every(i => i.naturalWidth > 0)"
        )
        assert tile.locator(".fault img").count() == 2
        assert "quay" in tile.inner_text()
        tile.locator(".head button").click()
        tile.locator(".badge", has_text=re.compile("in hand|手动控制")).wait_for()
        assert "operator" in tile.inner_text()
        tile.locator(".head button").last.click()
        tile.locator(".badge.degraded").wait_for()
        assert operator.page.locator(".toast.bad").count() == 0
    with desk() as viewer:
        viewer.sign_in(house.url, "viewer")
        viewer.page.goto(f"{house.url}/live")
        viewer.page.wait_for_selector(".fault")
        assert viewer.page.locator(".head").count() == 0


def test_evil_names_stay_text(house: Any, desk: Any) -> None:
    evil = '"><img src=x onerror="window.hacked=1">'
    cards = [CameraCard(f"cam-{n:03d}", name=evil, lon=114.03, lat=22.54) for n in range(6)]
    StatusWriter(house.services.engine).register(cards)
    comment = {"action": "comment", "comment": evil}
    operator = house.sign_in("operator")
    for item in operator.get("/api/v1/incidents").json()["items"]:
        path = f"/api/v1/incidents/{item['incident_id']}/verdicts"
        assert operator.post(path, json=comment).status_code == 200
    with desk() as boss:
        boss.sign_in(house.url, "administrator")
        boss.page.wait_for_selector(".history q")
        for name in PAGES:
            boss.page.goto(f"{house.url}/{name}")
            settle(boss.page)
            assert boss.page.evaluate("window.hacked") is None
