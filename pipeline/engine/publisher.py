"""From a confirmed sighting to the ledger, with its pictures at once and its clip a little later.

Starts threads and writes files. A sighting is recorded before its clip exists: the queue must
not wait for the post-roll. Whatever the disk or the database does, the sighting goes on.
"""

from __future__ import annotations

import heapq
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

import cv2
import structlog

from pipeline.engine.metrics import PatrolMetrics
from pipeline.engine.watch import Finding
from pipeline.evidence.boxtrack import MEDIA_TYPE, ClipFrame, box_track
from pipeline.evidence.errors import EvidenceError
from pipeline.evidence.store import EvidenceFolder, EvidenceItem, EvidenceStore
from pipeline.ledger.errors import LedgerError
from pipeline.ledger.recorder import Recorder
from pipeline.ledger.types import Incident, incident_id_of
from pipeline.types import EvidenceFile, Phase, Place, Sighting
from streams.clip import transcode_h264, write_clip
from streams.errors import StreamError
from streams.types import Frame

log = structlog.get_logger(__name__)

_JPEG_QUALITY = 88
_POLL_S = 0.2
_LATE_S = 6.0
_STOP_S = 3.0

Locate = Callable[[Sighting], Place | None]


@dataclass(frozen=True, slots=True)
class PublisherSettings:
    """What is kept with a sighting.

    Attributes:
        pre_roll_s: Clip before the picture that confirmed it.
        post_roll_s: Clip after it.
        h264_copy: Make an H.264 copy of clips in other codecs.
        queue: Most sightings waiting for the ledger before the judge has to wait.
    """

    pre_roll_s: float = 8.0
    post_roll_s: float = 4.0
    h264_copy: bool = True
    queue: int = 1000


@dataclass(frozen=True, slots=True, order=True)
class _ClipJob:
    due_s: float
    number: int
    finding: Finding = field(compare=False)


class Publisher:
    """Takes findings from judges, records them in order, cuts their clips when it is time."""

    def __init__(
        self,
        recorder: Recorder,
        store: EvidenceStore,
        locate: Locate,
        metrics: PatrolMetrics,
        settings: PublisherSettings | None = None,
        *,
        learn: Callable[[Incident], None] | None = None,
    ) -> None:
        self._recorder, self._store, self._locate = recorder, store, locate
        self._metrics = metrics
        self._learn = learn
        self._settings = settings or PublisherSettings()
        self._findings: queue.Queue[Finding] = queue.Queue(self._settings.queue)
        self._clips: list[_ClipJob] = []
        self._clips_lock = threading.Lock()
        self._numbers = count()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._record_all, name="publisher", daemon=True),
            threading.Thread(target=self._cut_all, name="evidence", daemon=True),
        ]

    def start(self) -> None:
        """Start to publish."""
        for thread in self._threads:
            thread.start()

    def publish(self, finding: Finding) -> None:
        """Hand a finding over; waits when the ledger is a thousand findings behind."""
        self._findings.put(finding)

    def stop(self) -> None:
        """Record what waits and cut what is due with the pictures that there are."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_STOP_S)

    def _record_all(self) -> None:
        while not (self._stop.is_set() and self._findings.empty()):
            try:
                finding = self._findings.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            try:
                self._record(finding)
            except LedgerError as error:
                log.error(
                    "sighting lost", sighting=str(finding.sighting.sighting_id), error=str(error)
                )
            except Exception:
                log.exception("sighting failed", sighting=str(finding.sighting.sighting_id))

    def _record(self, finding: Finding) -> None:
        sighting = finding.sighting
        files = list(self._pictures(finding))
        incident = self._recorder.record(sighting, files, self._locate(sighting))
        if incident is not None and self._learn is not None:
            self._learn(incident)
        age_s = (datetime.now(UTC) - sighting.observed_at).total_seconds()
        self._metrics.publish_delay_s.observe(max(0.0, age_s))
        self._metrics.incidents.labels(sighting.type, sighting.phase.value).inc()
        log.info(
            "sighting",
            type=sighting.type,
            phase=sighting.phase.value,
            view=str(sighting.view),
            zone=sighting.zone_id,
            confidence=round(sighting.confidence, 2),
        )
        if sighting.phase is Phase.STARTED:
            due_s = time.monotonic() + self._settings.post_roll_s
            with self._clips_lock:
                heapq.heappush(self._clips, _ClipJob(due_s, next(self._numbers), finding))

    def _pictures(self, finding: Finding) -> Iterable[EvidenceFile]:
        """Snapshot and the picture before at the start, the picture after at the end."""
        folder, sighting = folder_of(finding.sighting), finding.sighting
        wanted: list[tuple[EvidenceItem, Frame | None]] = []
        if sighting.phase is Phase.STARTED:
            wanted.append((_jpeg("snapshot.jpg", "snapshot", finding.frame), finding.frame))
            wanted.append((_jpeg("before.jpg", "before", finding.before), finding.before))
            close = finding.watch.close_up(sighting.xyxy_norm)
            wanted.append((_jpeg("close.jpg", "close", close), close))
        elif sighting.phase is Phase.ENDED:
            wanted.append((_jpeg("after.jpg", "after", finding.frame), finding.frame))
        for item, frame in wanted:
            if frame is None:
                continue
            try:
                yield self._store.write(folder, item, _encoded(frame))
            except EvidenceError as error:
                self._failed(finding, error)

    def _cut_all(self) -> None:
        while True:
            stopping = self._stop.is_set()
            for job in self._due(everything=stopping):
                self._cut(job)
            if stopping:
                return
            self._stop.wait(_POLL_S)

    def _due(self, *, everything: bool) -> list[_ClipJob]:
        """Jobs whose post-roll is in the ring, or that have waited long enough for it."""
        now, due = time.monotonic(), []
        with self._clips_lock:
            for job in sorted(self._clips):
                newest = job.finding.camera.ring.newest()
                until_s = job.finding.sighting.timestamp_s + self._settings.post_roll_s
                arrived = newest is not None and newest.timestamp_s >= until_s
                if everything or arrived or now > job.due_s + _LATE_S:
                    due.append(job)
            self._clips = [job for job in self._clips if job not in due]
            heapq.heapify(self._clips)
        return due

    def _cut(self, job: _ClipJob) -> None:
        finding = job.finding
        try:
            files = [*self._clip_files(finding), *self._act_files(finding)]
            if files:
                self._recorder.attach_evidence(finding.sighting.sighting_id, files)
        except (EvidenceError, LedgerError, StreamError) as error:
            self._failed(finding, error)
        except Exception:
            log.exception("clip failed", sighting=str(finding.sighting.sighting_id))

    def _clip_files(self, finding: Finding) -> list[EvidenceFile]:
        sighting, settings = finding.sighting, self._settings
        start_s = sighting.timestamp_s - settings.pre_roll_s
        end_s = sighting.timestamp_s + settings.post_roll_s
        packets = finding.camera.ring.span(start_s, end_s)
        if not packets:
            return []
        folder, first_s = folder_of(sighting), min(p.timestamp_s for p in packets)
        clip = self._store.write(
            folder,
            EvidenceItem("clip.mp4", "clip", "video/mp4", first_s),
            lambda path: _discard(write_clip(packets, path)),
        )
        files = [clip]
        if settings.h264_copy and packets[0].codec.name != "h264":
            source = self._store.open_path(clip.path)
            copy = EvidenceItem("clip-h264.mp4", "clip_h264", "video/mp4", first_s)
            files.append(
                self._store.write(folder, copy, lambda path: _discard(transcode_h264(source, path)))
            )
        files.append(self._box_file(finding, folder, first_s, end_s))
        return files

    def _act_files(self, finding: Finding) -> list[EvidenceFile]:
        """The clip of the act, which begins before it, and the actor's boxes in it."""
        if finding.act is None or not finding.act.packets:
            return []
        act, packets = finding.act.act, finding.act.packets
        folder, first_s = folder_of(finding.sighting), min(p.timestamp_s for p in packets)
        clip = self._store.write(
            folder,
            EvidenceItem("act.mp4", "act", "video/mp4", first_s),
            lambda path: _discard(write_clip(packets, path)),
        )
        marks = {"arrived": act.arrived_s, "appeared": act.appeared_s, "left": act.left_s}
        shown = self._clip_frame(finding, first_s, {k: v for k, v in marks.items() if v})
        last_s = packets[-1].timestamp_s
        content = box_track(shown, [b for b in act.path if first_s <= b.timestamp_s <= last_s])
        item = EvidenceItem("act-boxes.json", "act_boxes", MEDIA_TYPE, first_s)
        return [clip, self._store.write(folder, item, content)]

    def _box_file(
        self, finding: Finding, folder: EvidenceFolder, first_s: float, end_s: float
    ) -> EvidenceFile:
        clip = self._clip_frame(finding, first_s, {"confirmed": finding.sighting.timestamp_s})
        content = box_track(clip, finding.watch.steps(first_s, end_s))
        item = EvidenceItem("boxes.json", "boxes", MEDIA_TYPE, first_s)
        return self._store.write(folder, item, content)

    @staticmethod
    def _clip_frame(finding: Finding, first_s: float, marks: Mapping[str, float]) -> ClipFrame:
        sighting = finding.sighting
        return ClipFrame(
            view=sighting.view,
            start_s=first_s,
            size=finding.frame.size,
            zone_id=sighting.zone_id,
            polygon_norm=finding.watch.polygon(sighting.zone_id),
            marks=marks,
            hold_s=max(1.0, finding.watch.glance_period_s * 1.5),
        )

    def _failed(self, finding: Finding, error: Exception) -> None:
        self._metrics.evidence_failed.inc()
        log.warning(
            "evidence not kept", sighting=str(finding.sighting.sighting_id), error=str(error)
        )


def folder_of(sighting: Sighting) -> EvidenceFolder:
    """Where a sighting's files go: the folder of the incident that it founds or would found."""
    return EvidenceFolder(
        day=sighting.started_at.astimezone(UTC).date(),
        camera_id=sighting.view.camera_id,
        incident_id=incident_id_of(sighting.sighting_id),
        incident_type=sighting.type,
    )


def _discard(_result: object) -> None:
    """Make a callable that returns something fit where nothing is returned."""


def _jpeg(name: str, kind: str, frame: Frame | None) -> EvidenceItem:
    return EvidenceItem(name, kind, "image/jpeg", frame.timestamp_s if frame else None)


def _encoded(frame: Frame) -> bytes:
    done, data = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise EvidenceError(f"picture of camera {frame.camera_id} could not be encoded")
    return bytes(data)
