"""Cameras against a real RTSP server that is killed, stalls, restarts and changes its picture."""

import itertools
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from streams.backoff import Backoff
from streams.camera import Camera, CameraOptions
from streams.decode import decode_pictures
from streams.errors import DecodeError, SourceStalled, SourceUnavailable
from streams.fallback import FallbackDecoder
from streams.fleet import CameraFleet
from streams.health import HealthLimits, HealthState
from streams.reader import CameraReader
from streams.ring import PacketRing
from streams.source import SourceOptions, open_source

QUICK = CameraOptions(
    source=SourceOptions(open_timeout_s=2.0, read_timeout_s=1.0),
    backoff=Backoff(first_s=0.05, most_s=0.3),
    health=HealthLimits(keyframe_s=2.5, black_s=1.0, frozen_s=1.0),
)


@pytest.fixture
def fleet():
    with CameraFleet() as cameras:
        yield cameras


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("strict", [False, True], ids=["socket timeout", "strict"])
def test_every_read_ends_at_its_timeout(transport, strict, street):
    options = SourceOptions(transport=transport, read_timeout_s=0.5, strict_reads=strict)
    with open_source("gate", street.url("stalls"), options) as source:
        packets, last_s = iter(source), time.monotonic()
        for _ in range(12):
            next(packets)
            last_s = time.monotonic()
        with pytest.raises(SourceStalled, match=r"no picture within 0\.5 s, camera gate"):
            list(packets)
        assert 0.4 < time.monotonic() - last_s < 2.0


def test_opening_ends_at_its_timeout(trickle):
    began_s = time.monotonic()
    with pytest.raises(SourceUnavailable, match="no answer within 1 s"):
        open_source(
            "gate", f"rtsp://127.0.0.1:{trickle(describe=False)}/x", SourceOptions("tcp", 1.0)
        )
    assert time.monotonic() - began_s < 3.0


def test_a_killed_server_comes_back_in_a_new_epoch(serve, clip, fleet, until):
    server = serve(gate=clip("plain"))
    camera = fleet.add("gate", server.url("gate"), QUICK)
    until(lambda: camera.stats.packets > 5)
    server.kill()
    until(lambda: camera.health.state is HealthState.OFFLINE)
    before = camera.ring.newest()
    server.start()
    until(lambda: camera.health.state is HealthState.OK and camera.stats.connects == 2)
    until(lambda: camera.ring.newest().epoch > before.epoch)
    after = camera.ring.newest()
    assert after.timestamp_s > before.timestamp_s
    assert abs(after.timestamp_s - time.time()) < 3.0


def test_a_stalled_server_is_noticed_and_survived(serve, clip, fleet, until):
    server = serve(gate=clip("plain"))
    camera = fleet.add("gate", server.url("gate"), QUICK)
    until(lambda: camera.stats.packets > 5)
    server.stall()
    until(lambda: camera.health.state is HealthState.STALLED)
    assert "no picture within 1 s" in camera.health.reason
    server.resume()
    until(lambda: camera.health.state is HealthState.OK)


def test_a_new_resolution_in_mid_stream_is_a_new_epoch(street, fleet, until):
    camera = fleet.add("gate", street.url("grows"), QUICK)
    until(lambda: camera.health.state is HealthState.CODEC_CHANGED)
    assert camera.health.reason == "the stream changed from h264 160x96 to h264 320x192"
    until(lambda: camera.ring.newest().epoch >= 2)
    sizes = [decode.size for key in camera.ring.keyframes() for decode in decode_pictures([key])]
    assert sizes[:4] == [(160, 96)] * 2 + [(320, 192)] * 2
    epochs = [key.epoch for key in camera.ring.keyframes()]
    assert epochs[:4] == [0, 0, 1, 1]


def test_another_codec_after_a_restart_is_told(serve, clip, fleet, until):
    server = serve(gate=clip("plain"))
    camera = fleet.add("gate", server.url("gate"), QUICK)
    until(lambda: camera.stats.packets > 5)
    server.kill()
    server._cameras["gate"] = clip("hevc")
    server.start()
    until(lambda: camera.health.state is HealthState.CODEC_CHANGED)
    assert "hevc 160x96" in camera.health.reason
    assert camera.glance().size == (160, 96)


def test_a_jump_of_the_camera_clock_is_told_and_media_time_goes_on(street, fleet, until):
    camera = fleet.add("gate", street.url("jumps"), QUICK)
    until(lambda: camera.health.state is HealthState.TIME_JUMP)
    until(lambda: camera.stats.packets > 40)
    packets = camera.ring.cursor(0.0).take()
    assert sorted({p.epoch for p in packets}) == [0, 1]
    assert np.diff([p.timestamp_s for p in packets]).max() < 1.0
    assert camera.stats.connects == 1


def test_garbage_is_corrupt_and_never_a_picture(street, fleet, until):
    camera = fleet.add("gate", street.url("garbage"), QUICK)

    def glance():
        with suppress(DecodeError):
            camera.glance()
        return camera.health.state in (HealthState.CORRUPT, HealthState.OFFLINE)

    until(glance, timeout_s=20.0)


def test_one_bad_keyframe_is_told_once(street, fleet, until, monkeypatch):
    camera = fleet.add("gate", street.url("endless_gop"), QUICK)
    until(lambda: camera.ring.newest_keyframe() is not None)

    def refuse(packet):
        raise DecodeError(f"the decoder refused the bytes, camera {packet.camera_id}")

    monkeypatch.setattr("streams.camera.decode_picture", refuse)
    with pytest.raises(DecodeError):
        camera.glance()
    assert camera.glance() is None
    assert camera.stats.decode_errors == 1
    assert camera.health.state is not HealthState.CORRUPT


def test_a_lossy_network_is_survived(street, fleet, until):
    options = CameraOptions(source=SourceOptions(transport="udp", read_timeout_s=2.0))
    camera = fleet.add("gate", street.url("lossy"), options)
    until(lambda: camera.stats.packets > 40)
    frames = list(decode_pictures(camera.ring.span(0.0, float("inf"))))
    assert frames
    assert camera.running


def test_a_black_camera_is_noticed(street, fleet, until):
    camera = fleet.add("gate", street.url("black"), QUICK)

    def glance():
        camera.glance()
        return camera.health.state is HealthState.BLACK

    until(glance)


def test_a_stream_without_keyframes_is_decoded_and_says_so(street, fleet, until):
    camera = fleet.add("gate", street.url("endless_gop"), QUICK)
    until(lambda: camera.health.state is HealthState.NO_KEYFRAMES)
    assert "every picture is decoded" in camera.health.reason
    first = camera.glance()
    until(lambda: camera.ring.newest().timestamp_s > first.timestamp_s + 0.5)
    second = camera.glance(newer_than_s=first.timestamp_s)
    assert second.timestamp_s > first.timestamp_s + 0.4
    assert camera.ring.newest().timestamp_s - second.timestamp_s < 1.0


@pytest.mark.parametrize(
    ("period_s", "pictures", "state"), [(2.0, 6, "no_keyframes"), (10.0, 2, "ok")]
)
def test_keyframes_too_rare_for_the_glances_are_told_and_decoded_between(
    period_s, pictures, state, clip, read_packets
):
    camera, seen_s = Camera("gate", "none"), []  # keyframes every 6 s
    for packet in read_packets(clip("rare_keyframes")):
        camera._take(packet, None)
        camera._report(lambda monitor, at_s: monitor.connected(at_s, "h264"))
        newest_s = packet.timestamp_s
        if not seen_s or newest_s >= seen_s[-1] + period_s:
            picture = camera.glance(seen_s[-1] if seen_s else float("-inf"), period_s)
            seen_s += [picture.timestamp_s] if picture is not None else []
    assert camera.health.state == state
    if state != "ok":
        assert "no keyframe for more than 4 s; every picture is decoded" in camera.health.reason
    assert len(seen_s) >= pictures
    assert len(seen_s) <= pictures + 1
    camera.glance(seen_s[-1])
    assert camera.health.state is HealthState.OK


def test_between_rare_keyframes_no_damaged_picture_is_judged(clip, read_packets):
    ring = PacketRing()
    fallback, judged, refused = FallbackDecoder(ring), [], []
    packets = read_packets(clip("rare_keyframes"))  # keyframes every 6 s, 25 pictures a second
    broken = packets[60]
    for packet in packets:
        damaged = replace(packet, data=packet.data[: len(packet.data) // 3] + bytes(40))
        ring.append(damaged if packet is broken else packet)
        try:
            if picture := fallback.newest(judged[-1] if judged else float("-inf")):
                judged.append(picture.timestamp_s)
        except DecodeError:
            refused.append(packet.timestamp_s)
    mended_s = next(p.timestamp_s for p in packets[61:] if p.is_keyframe)
    assert not [t for t in judged if broken.timestamp_s <= t < mended_s]
    assert refused
    assert judged[-1] > mended_s + 5.0


def test_glances_take_the_newest_keyframe_once(street, fleet, until):
    camera = fleet.add("gate", street.url("plain"), QUICK)
    until(lambda: camera.ring.newest_keyframe() is not None)
    picture = camera.glance()
    assert picture.timestamp_s in [key.timestamp_s for key in camera.ring.keyframes()]
    camera.stop()
    last = camera.glance()
    assert camera.glance(newer_than_s=last.timestamp_s) is None


def test_a_look_begins_at_the_last_keyframe_and_goes_on_live(street, fleet, until):
    camera = fleet.add("gate", street.url("plain"), QUICK)
    until(lambda: camera.stats.packets > 30)
    asked_s = camera.ring.newest().timestamp_s
    frames = list(itertools.islice(decode_pictures(camera.ring.follow(timeout_s=3.0)), 30))
    assert frames[0].timestamp_s <= asked_s
    assert frames[-1].timestamp_s > asked_s
    assert np.diff([f.timestamp_s for f in frames]) == pytest.approx(0.04, abs=2e-3)


def test_a_look_ends_when_the_camera_falls_silent(street, fleet, until):
    camera = fleet.add("gate", street.url("stalls"), QUICK)
    until(lambda: camera.stats.packets > 20)
    assert len(list(camera.ring.follow(timeout_s=0.6))) > 0


def test_a_clip_that_ends_is_not_read_again(clip, fleet, until):
    options = CameraOptions(source=SourceOptions(pace="fast"))
    camera = fleet.add("gate", str(clip("plain")), options)
    until(lambda: not camera.running)
    assert camera.health.state is HealthState.ENDED
    assert (camera.stats.packets, camera.stats.connects) == (50, 1)


def test_a_camera_that_was_stopped_starts_again_later_in_media_time(clip, until):
    camera = Camera("gate", str(clip("plain")), CameraOptions(source=SourceOptions(pace="fast")))
    camera.start()
    until(lambda: not camera.running)
    last = camera.ring.newest()
    camera.start()
    until(lambda: camera.ring.newest().epoch > last.epoch)
    assert camera.ring.newest().timestamp_s > last.timestamp_s
    camera.stop()


def test_a_reader_that_outlasts_its_timeouts_is_replaced_by_a_strict_one(
    trickle, fleet, until, monkeypatch
):
    monkeypatch.setattr("streams.reader.READER_GRACE_S", 0.2)
    impatient = CameraOptions(source=SourceOptions(open_timeout_s=0.5, read_timeout_s=0.5))
    camera = fleet.add("gate", f"rtsp://127.0.0.1:{trickle()}/x", impatient)
    until(lambda: camera.health and camera.stats.failures >= 1, 20.0)
    assert camera.stats.abandoned == 1
    assert camera.stats.connects == 0
    assert camera.health.reason == "no picture within 0.5 s, camera gate"


def test_a_camera_is_added_while_others_run_and_its_id_is_new(street, fleet, until):
    gate = fleet.add("gate", street.url("plain"), QUICK)
    until(lambda: gate.stats.packets > 5)
    with pytest.raises(ValueError, match="must be new"):
        fleet.add("gate", street.url("plain"))
    yard = fleet.add("yard", street.url("good-0"), QUICK)
    until(lambda: yard.stats.packets > 5)
    assert fleet["yard"] is yard
    assert list(fleet.health()) == ["gate", "yard"]


@pytest.mark.parametrize("stopped", [False, True], ids=["asked by many", "stopped meanwhile"])
def test_a_hanging_reader_is_replaced_once_and_never_after_a_stop(stopped, trickle, monkeypatch):
    camera = Camera("gate", f"rtsp://127.0.0.1:{trickle()}/x", QUICK)
    camera.start()
    old = camera._reader
    at_once = threading.Barrier(4)

    def hangs():  # all callers find it hanging before any of them acts
        with suppress(threading.BrokenBarrierError):
            at_once.wait(2.0)
        if stopped:
            camera.stop(0.0)
        return True

    monkeypatch.setattr(old, "hangs", hangs)
    started = []
    monkeypatch.setattr(CameraReader, "start", lambda reader: started.append(reader))
    askers = [threading.Thread(target=lambda: camera.health) for _ in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(10.0)
    assert len(started) == (0 if stopped else 1)
    assert camera.stats.abandoned == len(started)
    old.session.stop.set()


def test_three_broken_cameras_of_ten_delay_no_other(street, fleet, until):
    # Broken ones hold on for 5 s at a time: a reader that waits for another would show it.
    slow = CameraOptions(source=SourceOptions(open_timeout_s=5.0, read_timeout_s=5.0))
    good = [fleet.add(f"good-{i}", street.url(f"good-{i}"), slow) for i in range(7)]
    dead = fleet.add("dead", "rtsp://guard:s3cret-pw@127.0.0.1:9/live", slow)
    fleet.add("stalls", street.url("stalls"), slow)
    fleet.add("garbage", street.url("garbage"), slow)
    until(lambda: all(camera.stats.packets > 5 for camera in good), timeout_s=20.0)
    began_s, counts = time.time(), [camera.stats.packets for camera in good]
    until(lambda: time.time() - began_s > 3.0)
    lasted_s = time.time() - began_s
    for camera, count in zip(good, counts, strict=True):
        assert camera.health.state is HealthState.OK
        assert camera.stats.packets - count == pytest.approx(lasted_s * 25, abs=25)
        arrived = [p.captured_at.timestamp() for p in camera.ring.span(began_s, float("inf"))]
        assert max(np.diff(arrived)) < 2.0
    assert dead.health.state is HealthState.OFFLINE
    closing_s = time.monotonic()
    fleet.stop()
    assert time.monotonic() - closing_s < 2.5


def test_a_process_ends_in_good_order_while_readers_wait(street, trickle):
    script = (
        "import sys, time\n"
        "from streams.camera import CameraOptions; from streams.fleet import CameraFleet\n"
        "fleet = CameraFleet()\n"
        "for i, url in enumerate(sys.argv[1:]): fleet.add(str(i), url, CameraOptions())\n"
        "time.sleep(1.5); began = time.monotonic(); fleet.stop()\n"
        "print('closed', time.monotonic() - began < 2.5)\n"
    )
    urls = [street.url("stalls"), f"rtsp://127.0.0.1:{trickle(describe=False)}/x"]
    ended = subprocess.run(
        [sys.executable, "-c", script, *urls],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "closed True" in ended.stdout
    assert ended.returncode == 0, ended.stderr
