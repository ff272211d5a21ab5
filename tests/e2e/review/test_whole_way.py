"""From a clip played over RTSP to a verdict in the queue: real patrol, real server, Chromium."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from builders import patrol as kit
from builders.house import serving

from api.settings import ApiSettings
from bench.fusion_square import pinhole
from pipeline.geometry.plane import LocalPlane
from pipeline.ledger.database import sqlite_url
from pipeline.queue.embedded import EmbeddedRedis
from streams.serve import RtspServer

pytestmark = [pytest.mark.browser, pytest.mark.rtsp, pytest.mark.redis]
SIZE = (640, 384)
PLAYS = (
    "() => { const v = document.querySelector('#player video');"
    " return v && v.videoWidth > 0 && v.currentTime > 0 && !v.error }"
)


def ground_points() -> dict[str, Any]:
    """What a camera on a pole sees of six surveyed points."""
    places = np.array([(2, 14), (-3, 17), (7, 20), (1, 30), (5, 24), (-2, 28)], float)
    camera = pinhole(np.array([0.0, 0.0, 6.0]), np.array([0.0, 22.0, 0.0]), 400.0)
    camera = np.array([[1, 0, SIZE[0] / 2 - 960], [0, 1, SIZE[1] / 2 - 540], [0, 0, 1]]) @ camera
    seen = np.column_stack([places, np.zeros(len(places)), np.ones(len(places))]) @ camera.T
    pixels, lonlat = seen[:, :2] / seen[:, 2:], LocalPlane(114.05, 22.54).to_lonlat(places)
    pairs = zip(pixels.tolist(), lonlat.tolist(), strict=True)
    points = [{"px": px, "lonlat": place} for px, place in pairs]
    return {"image_size": list(SIZE), "points": points}


@pytest.fixture
def street(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A patrol on one RTSP camera of the wanted codec, and the review server on its store."""
    weight = kit.write_block_weight(tmp_path / "weights")
    clip = kit.write_clip(tmp_path / "street.mp4", request.param)
    with RtspServer({"street": clip}) as rtsp:
        camera = {
            "id": "street",
            "name": "东门大街",
            "url": rtsp.url("street"),
            "zones": [{"id": "ground", "rules": [kit.RULE]}],
        }
        patrol = kit.RunningPatrol(kit.write_site(tmp_path / "site.yaml", weight, camera))
        patrol.start()
        try:
            url = EmbeddedRedis(patrol.data).url
            kit.wait_until(lambda: bool(kit.started(url)), 150, lambda: patrol.log)
            config = ApiSettings(
                database_url=sqlite_url(patrol.data / "skygrid.db"),
                data_dir=patrol.data,
                poll_s=0.1,
                requests_per_minute=60_000,
            )
            with serving(config) as house:
                yield SimpleNamespace(patrol=patrol, queue=url, house=house)
        finally:
            if patrol.process is not None and patrol.process.poll() is None:
                patrol.stop()


def verdicts(queue: str, phase: str) -> list[dict[str, Any]]:
    """Events of a phase in the Redis stream."""
    return [json.loads(e["event"])["data"] for e in kit.events(queue) if e["phase"] == phase]


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("street", "locale", "word"),
    [
        pytest.param("libx264", "zh-CN", "采纳", id="H.264, Chinese"),
        pytest.param("libx265", "en-GB", "Accept", id="H.265, English"),
    ],
    indirect=["street"],
)
def test_from_the_stream_to_the_verdict_in_the_queue(
    street: Any, desk: Any, locale: str, word: str
) -> None:
    log = lambda: street.patrol.log  # noqa: E731 - read when a wait fails
    with desk(locale=locale) as operator:
        operator.sign_in(street.house.url)
        page = operator.page
        assert word in page.locator("#verdict .accept").inner_text()
        page.wait_for_function(PLAYS)
        accepted = operator.current()
        page.keyboard.press("a")
        kit.wait_until(lambda: bool(verdicts(street.queue, "accepted")), 30, log)
        told = verdicts(street.queue, "accepted")[0]
        assert told["incident_id"] == accepted
        assert (told["review"], told["dispatch"]) == ("accepted", "due")
        assert told["detail"]["by"] == "operator"
        page.wait_for_function(
            "id => document.querySelector('#rows .row.current')?.dataset.id !== id", arg=accepted
        )
        rejected = operator.current()
        page.wait_for_function(PLAYS)
        page.keyboard.press("r")
        page.keyboard.press("2")
        kit.wait_until(lambda: bool(verdicts(street.queue, "rejected")), 30, log)
        told = verdicts(street.queue, "rejected")[0]
        assert told["incident_id"] == rejected
        assert (told["dispatch"], told["detail"]["reason"]) == ("withdrawn", "lawful")


@pytest.mark.timeout(400)
@pytest.mark.parametrize("street", ["libx264"], indirect=True)
def test_ground_points_saved_in_the_page_reach_the_running_patrol(street: Any) -> None:
    client = street.house.sign_in("supervisor")
    assert client.get("/api/v1/cameras/street").json()["lon"] is None
    path = "/api/v1/cameras/street/views/main/zones"
    now = client.get(path).json()
    body = {"version": now["version"], "zones": now["zones"], "calibration": ground_points()}
    saved = client.put(path, json=body)
    assert saved.status_code == 200, saved.text

    def stands() -> bool:
        return client.get("/api/v1/cameras/street").json()["lon"] is not None

    kit.wait_until(stands, 30, lambda: street.patrol.log)
    card = client.get("/api/v1/cameras/street").json()
    assert (card["lon"], card["lat"]) == pytest.approx((114.05, 22.54), abs=2e-4)
    assert len(card["footprint"]) > 4
