"""The patrol as users run it: found once, announced once, whatever is killed meanwhile."""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import time
from pathlib import Path

import av
import pytest
from builders import patrol as kit

from pipeline.queue.embedded import EmbeddedRedis

pytestmark = [pytest.mark.rtsp, pytest.mark.redis]
HAPPENINGS = len(kit.CELLS)


def embedded_url(data: Path) -> str:
    return EmbeddedRedis(data).url


def open_incidents(data: Path) -> int:
    """Incidents in the database, whoever writes to it meanwhile."""
    return _count(data, "select count(*) from incident")


def waiting_events(data: Path) -> int:
    return _count(data, "select count(*) from outbox where published_at is null")


def sightings(data: Path) -> int:
    return _count(data, "select count(*) from sighting")


def _count(data: Path, query: str) -> int:
    """The answer to a counting query; -1 while the patrol has not made its database yet."""
    if not (data / "skygrid.db").exists():
        return -1
    connection = sqlite3.connect(f"file:{data}/skygrid.db?mode=ro", uri=True, timeout=5)
    try:
        return int(connection.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return -1
    finally:
        connection.close()


def test_from_camera_to_queue_and_a_quick_clean_stop(square) -> None:
    patrol = square.patrol
    patrol.start()
    url = embedded_url(patrol.data)
    kit.wait_until(lambda: len(kit.started(url)) == HAPPENINGS, 40, lambda: patrol.log)
    clips = patrol.data / "evidence"
    kit.wait_until(lambda: len(list(clips.rglob("clip.mp4"))) == HAPPENINGS, 20, lambda: patrol.log)
    assert patrol.health()["status"] == "ok"
    metrics = patrol.metrics()
    assert 'patrol_incidents_total{state="started",type="garbage"} 3.0' in metrics
    assert 'patrol_camera_up{camera="square"} 1.0' in metrics
    assert patrol.stop() < 5
    assert open_incidents(patrol.data) == HAPPENINGS
    assert waiting_events(patrol.data) == 0


def test_an_h265_camera_also_gets_a_clip_that_browsers_play(square, tmp_path: Path) -> None:
    clip = kit.write_clip(tmp_path / "h265.mp4", codec="libx265")
    patrol = square.patrol
    patrol.overrides += [f"cameras.0.url={clip}", "cameras.0.loop=true"]
    patrol.start()
    clips = patrol.data / "evidence"
    kit.wait_until(lambda: len(list(clips.rglob("clip-h264.mp4"))) > 0, 60, lambda: patrol.log)
    copy = next(clips.rglob("clip-h264.mp4"))
    codecs = []
    for path in (copy, copy.with_name("clip.mp4")):
        with av.open(str(path)) as container:
            codecs.append(container.streams.video[0].codec_context.name)
    assert codecs == ["h264", "hevc"]
    patrol.stop()


def kill_patrol(square, times: int) -> None:
    """Kill -9 at random moments; afterwards everything was found once and announced once."""
    patrol, rng = square.patrol, random.Random(times)
    url = embedded_url(patrol.data)
    for _ in range(times):
        patrol.start()
        time.sleep(rng.uniform(0.5, 6.0))
        patrol.kill()
    patrol.start()
    kit.wait_until(lambda: len(kit.started(url)) == HAPPENINGS, 60, lambda: patrol.log)
    time.sleep(4)
    announced = kit.started(url)
    assert sorted(announced.values()) == [1] * HAPPENINGS, announced
    assert open_incidents(patrol.data) == HAPPENINGS
    patrol.stop()
    assert waiting_events(patrol.data) == 0


def test_kill_9_of_the_patrol_three_times(square) -> None:
    kill_patrol(square, 3)


@pytest.mark.slow
def test_kill_9_of_the_patrol_twenty_times(square) -> None:
    kill_patrol(square, 20)


def test_redis_killed_while_incidents_are_confirmed(square) -> None:
    patrol = square.patrol
    patrol.start()
    url = embedded_url(patrol.data)
    pid_file = patrol.data / "redis" / "redis.pid"
    kit.wait_until(lambda: bool(kit.started(url)), 40, lambda: patrol.log)
    os.kill(int(pid_file.read_text()), signal.SIGKILL)
    kit.wait_until(lambda: len(kit.started(url)) == HAPPENINGS, 40, lambda: patrol.log)
    patrol.stop()
    with EmbeddedRedis(patrol.data) as again:
        announced = kit.started(again.url)
    assert sorted(announced.values()) == [1] * HAPPENINGS, announced


def test_without_redis_the_patrol_goes_on_and_tells_it_all_later(square) -> None:
    patrol = square.patrol
    outside = EmbeddedRedis(patrol.site.parent / "elsewhere")
    patrol.overrides.append(f"queue.redis={outside.url}")
    patrol.start()
    kit.wait_until(
        lambda: open_incidents(patrol.data) == HAPPENINGS,
        40,
        lambda: patrol.log,
    )
    assert "queue" in patrol.health()["troubles"]
    with outside:
        kit.wait_until(lambda: len(kit.started(outside.url)) == HAPPENINGS, 30, lambda: patrol.log)
        assert sorted(kit.started(outside.url).values()) == [1] * HAPPENINGS
        patrol.stop()


def test_a_second_patrol_on_the_same_data_is_refused(square) -> None:
    first = square.patrol
    first.start()
    kit.wait_until(lambda: (first.data / "monitor.port").exists(), 30, lambda: first.log)
    second = kit.RunningPatrol(first.site)
    second.start()
    assert second.process.wait(30) == 2
    assert "must be this patrol's alone" in " ".join(first.log.split())
    first.stop()


def test_a_full_evidence_disk_costs_the_clips_and_nothing_else(square) -> None:
    patrol = square.patrol
    patrol.overrides.append("evidence.min_free_mebibytes=1000000000")
    patrol.start()
    url = embedded_url(patrol.data)
    kit.wait_until(lambda: len(kit.started(url)) == HAPPENINGS, 40, lambda: patrol.log)
    assert "evidence" in patrol.health()["troubles"]
    assert not list((patrol.data / "evidence").rglob("*.mp4"))
    patrol.stop()


def test_a_disk_that_refuses_everything_loses_and_doubles_nothing(square) -> None:
    """Database, spool, evidence and log are refused while incidents are confirmed."""
    patrol = square.patrol
    with EmbeddedRedis(patrol.site.parent / "elsewhere") as outside:
        patrol.overrides.append(f"queue.redis={outside.url}")
        patrol.start()
        kit.wait_until(lambda: (patrol.data / "monitor.port").exists(), 60, lambda: patrol.log)
        _, most = resource.prlimit(patrol.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(patrol.process.pid, resource.RLIMIT_FSIZE, (0, most))
        kit.wait_until(
            lambda: f"patrol_sightings_held {HAPPENINGS}.0" in patrol.metrics(),
            60,
            lambda: f"{patrol.health()} {kit.started(outside.url)} {patrol.log}",
        )
        assert f"{HAPPENINGS} in memory" in patrol.health()["troubles"]["ledger"]
        assert not kit.started(outside.url)
        resource.prlimit(patrol.process.pid, resource.RLIMIT_FSIZE, (most, most))
        kit.wait_until(lambda: len(kit.started(outside.url)) == HAPPENINGS, 60, lambda: patrol.log)
        time.sleep(3)
        assert sorted(kit.started(outside.url).values()) == [1] * HAPPENINGS
        assert "patrol_sightings_lost 0.0" in patrol.metrics()
        assert "ledger" not in patrol.health()["troubles"]
        patrol.stop()
    assert sightings(patrol.data) == HAPPENINGS


def test_what_waits_on_disk_at_the_start_is_not_found_a_second_time(square) -> None:
    """The ledger refused the last run's sightings: their views must know them all the same."""
    patrol = square.patrol
    patrol.start()
    url = embedded_url(patrol.data)
    kit.wait_until(lambda: len(kit.started(url)) == HAPPENINGS, 60, lambda: patrol.log)
    patrol.kill()
    kit.move_sightings_to_the_spool(patrol.data)
    assert sightings(patrol.data) == 0
    judged = 'patrol_glances_total{camera="square"}'
    patrol.start()
    kit.wait_until(lambda: sightings(patrol.data) >= HAPPENINGS, 60, lambda: patrol.log)
    kit.wait_until(lambda: patrol.metric(judged) >= 12, 60, lambda: patrol.log)
    patrol.stop()
    assert sightings(patrol.data) == HAPPENINGS


def test_a_rule_that_the_detector_cannot_see_stops_the_start(square) -> None:
    patrol = square.patrol
    card = Path(patrol.site.read_text().split("weights: ")[1].split("\n")[0]) / "card.json"
    blind = patrol.site.parent / "blind"
    blind.mkdir()
    for file in card.parent.iterdir():
        (blind / file.name).write_bytes(file.read_bytes())
    text = (blind / "card.json").read_text().replace('"garbage"', '"rubbish"')
    (blind / "card.json").write_text(text)
    patrol.overrides.append(f"detector.weights={blind}")
    patrol.start()
    assert patrol.process.wait(30) == 2
    message = " ".join(patrol.log.split())
    assert "camera square: rule garbage of zone ground needs the class garbage" in message
