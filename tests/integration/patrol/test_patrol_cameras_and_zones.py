"""Ten cameras of which three are broken, and zones that were drawn in the page."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import patrol as kit
from ruamel.yaml import YAML

from pipeline.ledger.database import open_engine
from pipeline.queue.embedded import EmbeddedRedis
from pipeline.types import ViewKey
from pipeline.zone_store import ZoneStore, ZoneVersion
from streams.serve import RtspServer

pytestmark = [pytest.mark.rtsp, pytest.mark.redis]
GOOD = 7
HAPPENINGS = len(kit.CELLS)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A host that takes the connection and never says a word: opening it hangs for seconds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def test_three_broken_cameras_of_ten_cost_the_other_seven_nothing(
    square: Any, block_clip: Path, silent_port: int
) -> None:
    patrol = square.patrol
    streams = {f"good-{n}": block_clip for n in range(GOOD)}
    with RtspServer({**streams, "garbage": f"{block_clip},garbage"}) as server:
        urls = {name: server.url(name) for name in (*streams, "garbage")}
        urls["dead"] = "rtsp://guard:s3cret-pw@127.0.0.1:9/live"
        urls["silent"] = f"rtsp://guard:s3cret-pw@127.0.0.1:{silent_port}/live"
        write_cameras(patrol.site, urls)
        patrol.start()
        url = EmbeddedRedis(patrol.data).url
        wanted = GOOD * HAPPENINGS
        kit.wait_until(lambda: len(kit.started(url)) == wanted, 100, lambda: patrol.log)
        kit.wait_until(lambda: len(troubled(patrol)) == 3, 30, lambda: str(patrol.health()))
        assert troubled(patrol) == {"camera dead", "camera garbage", "camera silent"}
        metrics = patrol.metrics()
        for name in urls:
            good = name.startswith("good")
            assert (f'patrol_camera_up{{camera="{name}"}} 1.0' in metrics) == good
        assert patrol.stop() < 5
    assert sorted(kit_events(patrol).values()) == [1] * wanted
    assert "s3cret-pw" not in patrol.log + metrics


def troubled(patrol: Any) -> set[str]:
    return {name for name in patrol.health()["troubles"] if name.startswith("camera ")}


def kit_events(patrol: Any) -> dict[str, int]:
    with EmbeddedRedis(patrol.data) as again:
        return dict(kit.started(again.url))


def write_cameras(site: Path, urls: dict[str, str]) -> None:
    """The same zones for every camera, looked at once a second."""
    content = YAML().load(site.read_text())
    (first,) = content["cameras"]
    zones = [{"id": "ground", "rules": [{**first["zones"][0]["rules"][0], "glance_period_s": 1.0}]}]
    content["cameras"] = [{"id": name, "url": url, "zones": zones} for name, url in urls.items()]
    with site.open("w") as stream:
        YAML().dump(content, stream)


def test_zones_drawn_in_the_page_hold_over_a_restart(square: Any) -> None:
    patrol = square.patrol
    patrol.start()
    url = EmbeddedRedis(patrol.data).url
    kit.wait_until(lambda: len(kit.started(url)) == HAPPENINGS, 60, lambda: patrol.log)
    draw_zone(patrol)
    kit.wait_until(lambda: told(patrol, "started", "drawn") == HAPPENINGS, 60, lambda: patrol.log)
    assert told(patrol, "ended", "ground") == HAPPENINGS
    patrol.stop()
    patrol.start()
    kit.wait_until(lambda: glances(patrol) > 3, 60, lambda: patrol.log)
    time.sleep(1.0)
    assert told(patrol, "ended", "drawn") == 0
    assert told(patrol, "started", "drawn") == HAPPENINGS
    patrol.stop()


def draw_zone(patrol: Any) -> None:
    """Save, as the page does, the zone of the site file under another name."""
    engine = open_engine(f"sqlite:///{patrol.data}/skygrid.db")
    store, view = ZoneStore(engine), ViewKey("square")
    now = store.current(view)
    drawn = {**now.zones[0], "id": "drawn"}
    store.save(ZoneVersion(view, now.version, (drawn,), "li", time.time()))
    engine.dispose()


def told(patrol: Any, phase: str, zone: str) -> int:
    """Sightings of a zone in the patrol's log."""
    lines = patrol.log.splitlines()
    return sum(f"phase={phase} " in x and x.rstrip().endswith(f"zone={zone}") for x in lines)


def glances(patrol: Any) -> float:
    if not (patrol.data / "monitor.port").exists():
        return 0.0
    try:
        lines = patrol.metrics().splitlines()
    except OSError:
        return 0.0
    return sum(float(x.split()[1]) for x in lines if x.startswith("patrol_glances_total{"))
