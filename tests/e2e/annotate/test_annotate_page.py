"""The annotation page in a real Chromium: watch, mark, draw, save."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Page, expect, sync_playwright

from sample_videos.annotate import annotate_app, draft_of
from sample_videos.catalogue import CLIPS
from sample_videos.truth import load_truth

CLIP = CLIPS / "demo-bin.mp4"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "demo-bin.truth.json"


@pytest.fixture
def url(target: Path) -> Iterator[str]:
    app = annotate_app(CLIP, target, draft_of(CLIP, datetime(2026, 3, 2, 9, tzinfo=UTC)))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    until = time.monotonic() + 30
    while not server.started and time.monotonic() < until:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    server.should_exit = True
    thread.join(30)


@pytest.fixture
def page() -> Iterator[Page]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium must be installed in CI")
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        expect.set_options(timeout=30_000)
        yield browser.new_page(viewport={"width": 1280, "height": 800})
        browser.close()


@pytest.mark.browser
def test_an_incident_is_marked_and_saved(page, url, target):
    wrong: list[str] = []
    hosts = set()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.goto(url)
    expect(page.locator("#saved")).to_have_text("new")
    page.locator("#video").evaluate("video => { video.currentTime = 6; }")
    expect(page.locator("#at")).to_have_text("6.00 s")

    page.click("#add-zone")
    frame = page.locator("#canvas").bounding_box()
    at = lambda x, y: (frame["x"] + x * frame["width"], frame["y"] + y * frame["height"])  # noqa: E731
    page.mouse.click(*at(0.1, 0.1))
    page.mouse.click(*at(0.9, 0.1))
    page.mouse.dblclick(*at(0.9, 0.9))
    assert page.locator("#zones .entry").count() == 1

    page.click("#add-incident")
    page.click("#save")
    assert "without a box" in page.locator("#faults").inner_text()
    page.mouse.move(*at(0.25, 0.5))
    page.mouse.down()
    page.mouse.move(*at(0.5, 0.75))
    page.mouse.up()
    page.select_option("#incidents select[name=type]", "overflowing_bin")
    page.fill("#incidents input[name=end_s]", "2")
    page.click("#save")
    expect(page.locator("#faults")).to_contain_text("end_s must be after")
    assert not target.exists()

    page.fill("#incidents input[name=end_s]", "9.5")
    page.fill("#incidents input[name=note]", "the lid stays open")
    page.click("#save")
    expect(page.locator("#saved")).to_contain_text("1 incidents")
    (incident,) = load_truth(target).incidents
    assert (incident.type, incident.begin_s, incident.end_s) == ("overflowing_bin", 6.0, 9.5)
    assert incident.box_norm == pytest.approx((0.25, 0.5, 0.5, 0.75), abs=0.01)
    assert (incident.zone, incident.note) == ("zone-1", "the lid stays open")

    page.reload()
    page.wait_for_selector("#incidents .entry")
    assert page.input_value("#incidents input[name=note]") == "the lid stays open"
    assert wrong == []
    assert hosts == {url.split("/")[2]}
