"""From a finding to the ledger with pictures and clip: real files, packets and database."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, cast
from uuid import uuid4

import av
import numpy as np
import pytest
from sqlalchemy import Engine

from pipeline.engine import clips as clips_module
from pipeline.engine import publisher as publisher_module
from pipeline.engine.clips import ClipSettings
from pipeline.engine.lookback import FoundAct
from pipeline.engine.metrics import PatrolMetrics
from pipeline.engine.publisher import Publisher
from pipeline.engine.watch import Finding, WatchedView
from pipeline.evidence.boxtrack import read_box_track
from pipeline.evidence.disk import Disk
from pipeline.evidence.store import EvidenceConfig, EvidenceStore
from pipeline.ledger.errors import LedgerFull
from pipeline.ledger.recorder import Recorder
from pipeline.ledger.spool import Spool
from pipeline.ledger.sql import SqlLedger
from pipeline.types import Act, BoxAt, ClaimKey, Phase, Sighting
from streams.camera import Camera
from streams.errors import ClipError
from streams.ring import PacketRing
from streams.source import SourceOptions, open_source
from streams.testcard import TestCard, write_test_card
from streams.types import Frame, Packet

SIZE = (160, 96)


@dataclass
class Street:
    """What a finding needs of its camera and its view."""

    ring: PacketRing = field(default_factory=PacketRing)
    camera_id: str = "gate-3"
    glance_period_s: float = 1.0

    def polygon(self, _zone_id: str) -> tuple[tuple[float, float], ...]:
        return ()

    def close_up(self, _place_norm: object) -> None:
        return None

    def steps(self, start_s: float, _end_s: float) -> list[BoxAt]:
        return [BoxAt(start_s + 0.1, (0.1, 0.1, 0.2, 0.2), "garbage", 0.9)]

    def finding(self, sighting: Sighting, epoch: int = 0, grey: int = 90) -> Finding:
        image = np.full((SIZE[1], SIZE[0], 3), grey, np.uint8)
        frame = Frame("gate-3", sighting.timestamp_s, sighting.observed_at, image, epoch)
        return Finding(sighting, frame, None, cast(Camera, self), cast(WatchedView, self))


class SickDisk(Disk):
    """Refuses every new file with one error while it is sick."""

    def __init__(self, code: int = errno.EMFILE) -> None:
        self.code = code
        self.sick = True

    def write(self, path: Path, content: bytes) -> None:
        if self.sick:
            raise OSError(self.code, os.strerror(self.code))
        super().write(path, content)


@dataclass
class Desk:
    """A publisher with all that it writes to."""

    folder: Path
    ledger: SqlLedger
    disk: Disk = field(default_factory=Disk)

    def __post_init__(self) -> None:
        self.store = EvidenceStore(
            self.folder / "evidence", EvidenceConfig(min_free_bytes=0), self.disk
        )
        self.recorder = Recorder(self.ledger, Spool(self.folder / "spool"))
        self.metrics = PatrolMetrics()
        self.publisher = Publisher(
            self.recorder, self.store, lambda _: None, self.metrics, ClipSettings(2.0, 1.0)
        )

    def publish(self, *findings: Finding) -> None:
        """All of them, and what follows until the publisher has stopped."""
        self.publisher.start()
        for finding in findings:
            self.publisher.publish(finding)
        self.publisher.stop()

    @property
    def failed(self) -> float:
        return self.metrics.registry.get_sample_value("patrol_evidence_failed_total") or 0.0

    def kinds(self, sighting: Sighting) -> list[str]:
        return [f.kind for f in self.ledger.incident_of(sighting.sighting_id).evidence]

    def path(self, sighting: Sighting, kind: str) -> Path:
        files = self.ledger.incident_of(sighting.sighting_id).evidence
        return self.store.open_path(next(f.path for f in files if f.kind == kind))


@pytest.fixture
def new_desk(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Desk]]:
    """Makes publishers that may take their time to stop, on a busy machine."""
    monkeypatch.setattr(publisher_module, "_STOP_S", 60.0)
    made: list[Desk] = []

    def make(**settings: Any) -> Desk:
        made.append(Desk(tmp_path, SqlLedger(engine), **settings))
        return made[-1]

    yield make
    for desk in made:
        desk.store.close()


@pytest.fixture(scope="module")
def packets(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Packet]]:
    """Four seconds of a test card by codec, with media times from 0 on."""
    folder = tmp_path_factory.mktemp("cards")

    def read(codec: str) -> list[Packet]:
        path = folder / f"{codec}.mp4"
        if not path.exists():
            write_test_card(path, TestCard(codec=codec, size=SIZE, duration_s=4.0, fps=10, gop=5))
        options = SourceOptions(pace="fast", started_at=datetime.fromtimestamp(0, UTC))
        with open_source("gate-3", str(path), options) as source:
            return list(source)

    return read


def filled(packets: list[Packet]) -> Street:
    street = Street()
    for packet in packets:
        street.ring.append(packet)
    return street


@pytest.fixture
def confirmed(build: ModuleType) -> Sighting:
    """A sighting confirmed at media time 2.5 s."""
    sighting: Sighting = build.make_sighting()
    return replace(sighting, timestamp_s=2.5, started_s=1.0)


class TestClips:
    def test_clip_and_boxes_show_the_confirmed_moment(
        self, new_desk: Callable[..., Desk], packets: Any, confirmed: Sighting
    ) -> None:
        desk = new_desk()
        desk.publish(filled(packets("h264")).finding(confirmed))
        assert desk.kinds(confirmed) == ["snapshot", "clip", "boxes"]
        track = read_box_track(desk.path(confirmed, "boxes").read_bytes())
        assert track.start_s == pytest.approx(0.5)
        assert track.marks[0].t_s == pytest.approx(2.0)
        assert desk.failed == 0

    def test_a_new_epoch_before_the_moment_begins_the_clip_anew(
        self, new_desk: Callable[..., Desk], packets: Any, confirmed: Sighting
    ) -> None:
        """A camera that came back at 2.0 s: the clip must hold 2.5 s, not end before it."""
        stream = [replace(p, epoch=int(p.timestamp_s > 1.95)) for p in packets("h264")]
        desk = new_desk()
        desk.publish(filled(stream).finding(confirmed, epoch=1))
        track = read_box_track(desk.path(confirmed, "boxes").read_bytes())
        assert track.start_s == pytest.approx(2.0)
        with av.open(str(desk.path(confirmed, "clip"))) as clip:
            assert sum(1 for _ in clip.decode(video=0)) == 16, "2.0 s to 3.5 s at 10 fps"

    def test_a_ring_without_keyframes_is_counted(
        self, new_desk: Callable[..., Desk], packets: Any, confirmed: Sighting
    ) -> None:
        desk = new_desk()
        stream = [replace(p, is_keyframe=False) for p in packets("h264")]
        desk.publish(filled(stream).finding(confirmed))
        assert desk.kinds(confirmed) == ["snapshot"]
        assert desk.failed == 1

    def test_a_copy_that_fails_costs_itself_only(
        self,
        new_desk: Callable[..., Desk],
        packets: Any,
        confirmed: Sighting,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def fail(*_: object, **__: object) -> Path:
            raise ClipError("no encoder")

        monkeypatch.setattr(clips_module, "transcode_h264", fail)
        desk = new_desk()
        desk.publish(filled(packets("hevc")).finding(confirmed))
        assert desk.kinds(confirmed) == ["snapshot", "clip", "boxes"]
        assert desk.failed == 1

    def test_a_copy_is_attached_after_the_clip(
        self, new_desk: Callable[..., Desk], packets: Any, confirmed: Sighting
    ) -> None:
        desk = new_desk()
        desk.publish(filled(packets("hevc")).finding(confirmed))
        assert desk.kinds(confirmed) == ["snapshot", "clip", "boxes", "clip_h264"]

    def test_the_clip_of_an_act_gets_a_copy_too(
        self, new_desk: Callable[..., Desk], packets: Any, confirmed: Sighting
    ) -> None:
        desk, stream = new_desk(), packets("hevc")
        claim = ClaimKey("garbage", "pavement", None)
        act = FoundAct(Act((0, 0, 10, 10), 1.0, claim), tuple(stream[:20]))
        desk.publish(replace(filled(stream).finding(confirmed), act=act))
        kinds = desk.kinds(confirmed)
        assert kinds[3:] == ["act", "act_boxes", "clip_h264", "act_h264"]
        with av.open(str(desk.path(confirmed, "act_h264"))) as clip:
            assert clip.streams.video[0].codec_context.name == "h264"

    def test_while_a_copy_is_made_other_clips_are_cut(
        self,
        new_desk: Callable[..., Desk],
        packets: Any,
        confirmed: Sighting,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        begun, enough = threading.Event(), threading.Event()

        def slow(*_: object, **__: object) -> Path:
            begun.set()
            enough.wait(60)
            raise ClipError("too slow")

        monkeypatch.setattr(clips_module, "transcode_h264", slow)
        desk, other = new_desk(), replace(confirmed, sighting_id=uuid4())
        desk.publisher.start()
        desk.publisher.publish(filled(packets("hevc")).finding(confirmed))
        assert begun.wait(60)
        desk.publisher.publish(filled(packets("h264")).finding(other))
        until_s = time.monotonic() + 60
        while (cut := len(list(desk.folder.rglob("clip.mp4")))) < 2 and time.monotonic() < until_s:
            time.sleep(0.05)
        enough.set()
        desk.publisher.stop()
        assert cut == 2

    def test_too_many_clips_that_wait_cost_their_own_clips(
        self,
        new_desk: Callable[..., Desk],
        packets: Any,
        confirmed: Sighting,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(clips_module, "_MOST_WAITING", 0)
        desk = new_desk()
        desk.publish(filled(packets("h264")).finding(confirmed))
        assert desk.kinds(confirmed) == ["snapshot"]
        assert desk.failed == 1

    def test_boxes_that_fail_cost_themselves_only(
        self,
        new_desk: Callable[..., Desk],
        packets: Any,
        confirmed: Sighting,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(clips_module, "box_track", lambda *_: 1 / 0)
        desk = new_desk()
        desk.publish(filled(packets("h264")).finding(confirmed))
        assert desk.kinds(confirmed) == ["snapshot", "clip"]
        assert desk.failed == 1

    def test_what_is_recorded_while_stopping_still_gets_its_clip(
        self,
        new_desk: Callable[..., Desk],
        packets: Any,
        confirmed: Sighting,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        desk = new_desk()
        record = desk.recorder.record

        def slow(*arguments: Any) -> object:
            time.sleep(0.5)
            return record(*arguments)

        monkeypatch.setattr(desk.recorder, "record", slow)
        desk.publish(filled(packets("h264")).finding(confirmed))
        assert desk.kinds(confirmed) == ["snapshot", "clip", "boxes"]


class TestPictures:
    def test_each_end_of_a_happening_has_its_own_picture(
        self, new_desk: Callable[..., Desk], build: ModuleType
    ) -> None:
        phases = [Phase.STARTED, Phase.ENDED, Phase.UPDATED, Phase.ENDED]
        told = [build.make_sighting(sequence=n, at_s=n, phase=p) for n, p in enumerate(phases)]
        street = Street()
        desk = new_desk()
        desk.publish(*(street.finding(s, grey=50 * n) for n, s in enumerate(told)))
        files = desk.ledger.incident_of(told[0].sighting_id).evidence
        after = [f for f in files if f.kind == "after"]
        assert [f.start_s for f in after] == [told[1].timestamp_s, told[3].timestamp_s]
        first, last = (desk.store.open_path(f.path).read_bytes() for f in after)
        assert first != last

    @pytest.mark.parametrize("code", [errno.EMFILE, errno.ETIMEDOUT, errno.ENOENT, errno.ENOSPC])
    def test_no_disk_error_stops_the_record(
        self, new_desk: Callable[..., Desk], build: ModuleType, code: int
    ) -> None:
        desk = new_desk(disk=SickDisk(code))
        desk.publish(Street().finding(build.make_sighting()))
        assert desk.kinds(build.make_sighting()) == []
        assert desk.failed == 2, "the snapshot and the clip"
        assert not desk.store.state.available

    def test_a_damaged_key_does_not_stop_the_record(
        self, new_desk: Callable[..., Desk], build: ModuleType, tmp_path: Path
    ) -> None:
        (tmp_path / "evidence.key").write_text("4f1")
        desk = new_desk()
        desk.publish(Street().finding(build.make_sighting()))
        assert desk.kinds(build.make_sighting()) == []
        assert "evidence.key must be 64 hex digits" in desk.store.state.reason


class TestRefusingDisk:
    def test_database_and_spool_refuse_for_a_while(
        self,
        new_desk: Callable[..., Desk],
        build: ModuleType,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Nothing is lost, nothing is doubled, and each story is told in its order."""
        desk, street = new_desk(disk=SickDisk(errno.ENOSPC)), Street()
        refusing = threading.Event()

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        record = desk.ledger.record

        def maybe(*arguments: Any) -> object:
            if refusing.is_set():
                raise LedgerFull("database (sqlite) must take the call, got: disk is full")
            return record(*arguments)

        write = desk.recorder.spool._write
        monkeypatch.setattr(desk.ledger, "record", maybe)
        monkeypatch.setattr(
            desk.recorder.spool, "_write", lambda line: full() if refusing.is_set() else write(line)
        )
        stop = threading.Event()
        flusher = threading.Thread(
            target=desk.recorder.run,
            args=(stop,),
            kwargs={"every_s": 0.02, "longest_s": 0.05},
            daemon=True,
        )
        flusher.start()
        desk.publisher.start()
        phases = [Phase.STARTED, Phase.UPDATED, Phase.ENDED]
        for n in range(12):
            if n == 2:
                refusing.set()
            if n == 9:
                wait_for(lambda: desk.recorder.status.held >= 21)
                refusing.clear()
            for sequence, phase in enumerate(phases):
                sighting = build.make_sighting(
                    n, sequence, n + sequence, start_s=n, phase=phase, zone_id=f"z{n}"
                )
                desk.publisher.publish(street.finding(sighting))
        wait_for(lambda: [i.ended_at is not None for i in desk.ledger.recent(100)] == [True] * 12)
        desk.publisher.stop()
        stop.set()
        flusher.join(5)
        assert {i.sequence for i in desk.ledger.recent(100)} == {3}, "each told once"
        status = desk.recorder.status
        assert (status.held, status.spooled, status.lost) == (0, 0, 0)


def wait_for(what: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline_s = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline_s, "it did not happen in time"
        time.sleep(0.01)
