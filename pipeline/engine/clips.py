"""Cuts the clip of a sighting from its camera's ring, once the seconds after it have arrived.

Starts two threads and writes files. H.264 copies have a thread of their own: while one is made,
rings go on and other clips must be cut. A clip and its boxes are attached before its copy is begun:
a copy that fails, or that a stop cuts short, costs itself and nothing else.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from itertools import count

import structlog

from pipeline.engine.metrics import PatrolMetrics
from pipeline.engine.watch import Finding
from pipeline.evidence.boxtrack import MEDIA_TYPE, ClipFrame, box_track
from pipeline.evidence.errors import CutFailed, EvidenceError
from pipeline.evidence.store import EvidenceFolder, EvidenceItem, EvidenceStore
from pipeline.ledger.errors import LedgerError
from pipeline.ledger.recorder import Recorder
from pipeline.ledger.types import incident_id_of
from pipeline.types import BoxAt, EvidenceFile, Sighting
from streams.clip import transcode_h264, write_clip
from streams.errors import StreamError
from streams.types import Packet

log = structlog.get_logger(__name__)

_POLL_S = 0.2
_LATE_S = 6.0
_COPY_S = 300.0
_MOST_COPIES = 100
_MOST_WAITING = 64
"""Clips that wait to be cut: each holds a picture and maybe an act, 6 to 18 MiB."""


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """What is cut.

    Attributes:
        pre_roll_s: Clip before the picture that confirmed it.
        post_roll_s: Clip after it.
        h264_copy: Make an H.264 copy of clips in other codecs.
    """

    pre_roll_s: float = 8.0
    post_roll_s: float = 4.0
    h264_copy: bool = True


@dataclass(frozen=True, slots=True, order=True)
class _Job:
    due_s: float
    number: int
    finding: Finding = field(compare=False)


class ClipCutter:
    """Takes findings that are recorded, and attaches their clips when it is time."""

    def __init__(
        self,
        recorder: Recorder,
        store: EvidenceStore,
        metrics: PatrolMetrics,
        settings: ClipSettings | None = None,
    ) -> None:
        self._recorder, self._store, self._metrics = recorder, store, metrics
        self._settings = settings or ClipSettings()
        self._jobs: list[_Job] = []
        self._jobs_lock = threading.Lock()
        self._numbers = count()
        self._copies: deque[tuple[Sighting, EvidenceFile]] = deque()
        self._foreign: list[EvidenceFile] = []  # of the sighting that is being cut
        self._copies_until_s = float("inf")
        self._stop = threading.Event()
        self._all_cut = threading.Event()
        self._threads = (
            threading.Thread(target=self._cut_on, name="evidence", daemon=True),
            threading.Thread(target=self._copy_on, name="copies", daemon=True),
        )

    def start(self) -> None:
        """Start to cut."""
        for thread in self._threads:
            thread.start()

    def push(self, finding: Finding) -> None:
        """Cut this one's clip when its post-roll has arrived; too many cost their own clips."""
        due_s = time.monotonic() + self._settings.post_roll_s
        with self._jobs_lock:
            if len(self._jobs) < _MOST_WAITING:
                heapq.heappush(self._jobs, _Job(due_s, next(self._numbers), finding))
                return
        error = CutFailed(f"{_MOST_WAITING} clips wait already: is the disk of evidence slow?")
        not_kept(self._metrics, finding.sighting, error)

    def stop(self, timeout_s: float) -> None:
        """Cut what is due with the pictures that there are, and make the copies that fit."""
        self._copies_until_s = time.monotonic() + timeout_s
        self._stop.set()
        for thread in self._threads:
            thread.join(max(0.0, self._copies_until_s - time.monotonic()))

    def _cut_on(self) -> None:
        while True:
            stopping = self._stop.is_set()
            for job in self._due(everything=stopping):
                self._cut(job.finding)
            if stopping:
                self._all_cut.set()
                return
            self._stop.wait(_POLL_S)

    def _copy_on(self) -> None:
        while True:
            is_last = self._all_cut.wait(0.0 if self._copies else _POLL_S)
            if self._copies:
                self._copy(*self._copies.popleft())
            elif is_last:
                return

    def _due(self, *, everything: bool) -> list[_Job]:
        """Jobs whose post-roll is in the ring, or that have waited long enough for it."""
        now, due = time.monotonic(), []
        with self._jobs_lock:
            for job in sorted(self._jobs):
                newest = job.finding.camera.ring.newest()
                until_s = job.finding.sighting.timestamp_s + self._settings.post_roll_s
                arrived = newest is not None and newest.timestamp_s >= until_s
                if everything or arrived or now > job.due_s + _LATE_S:
                    due.append(job)
            self._jobs = [job for job in self._jobs if job not in due]
            heapq.heapify(self._jobs)
        return due

    def _cut(self, finding: Finding) -> None:
        sighting, files = finding.sighting, list[EvidenceFile]()
        for made in (self._clip_files(finding), self._act_files(finding)):
            with self._noting(sighting):
                for file in made:
                    files.append(file)  # what follows may fail, this one is kept
        with self._noting(sighting):
            if files:
                self._recorder.attach_evidence(sighting.sighting_id, files)
        while self._foreign:
            self._want_copy(sighting, self._foreign.pop(0))

    def _packets(self, finding: Finding) -> list[Packet]:
        """What the ring holds around the confirmed moment, in that picture's epoch.

        A stream that began anew in the seconds before it gives a shorter clip, never one that
        ends before the moment.
        """
        moment_s, settings = finding.sighting.timestamp_s, self._settings
        packets = finding.camera.ring.span(
            moment_s - settings.pre_roll_s, moment_s + settings.post_roll_s, finding.frame.epoch
        )
        if not packets:
            raise CutFailed(f"ring of camera {finding.camera.camera_id} must hold a keyframe of it")
        return packets

    def _clip_files(self, finding: Finding) -> Iterator[EvidenceFile]:
        """The clip of the confirmed moment, and the boxes in it."""
        moment_s, packets = finding.sighting.timestamp_s, self._packets(finding)
        first_s = packets[0].timestamp_s
        yield self._clip(finding, EvidenceItem("clip.mp4", "clip", "video/mp4", first_s), packets)
        boxes = finding.watch.steps(first_s, moment_s + self._settings.post_roll_s)
        item = EvidenceItem("boxes.json", "boxes", MEDIA_TYPE, first_s)
        yield self._boxes(finding, item, {"confirmed": moment_s}, boxes)

    def _act_files(self, finding: Finding) -> Iterator[EvidenceFile]:
        """The clip of the act, which begins before it, and the actor's boxes in it."""
        if finding.act is None or not finding.act.packets:
            return
        act, packets = finding.act.act, finding.act.packets
        first_s, last_s = packets[0].timestamp_s, packets[-1].timestamp_s
        yield self._clip(finding, EvidenceItem("act.mp4", "act", "video/mp4", first_s), packets)
        marks = {"arrived": act.arrived_s, "appeared": act.appeared_s, "left": act.left_s}
        boxes = [box for box in act.path if first_s <= box.timestamp_s <= last_s]
        item = EvidenceItem("act-boxes.json", "act_boxes", MEDIA_TYPE, first_s)
        yield self._boxes(finding, item, {k: v for k, v in marks.items() if v}, boxes)

    def _clip(
        self, finding: Finding, item: EvidenceItem, packets: Sequence[Packet]
    ) -> EvidenceFile:
        """Write a clip; one that not every browser plays gets a copy later, as `<kind>_h264`."""
        folder = folder_of(finding.sighting)
        clip = self._store.write(folder, item, lambda path: _discard(write_clip(packets, path)))
        if self._settings.h264_copy and packets[0].codec.name != "h264":
            self._foreign.append(clip)
        return clip

    def _want_copy(self, sighting: Sighting, clip: EvidenceFile) -> None:
        if len(self._copies) < _MOST_COPIES:
            self._copies.append((sighting, clip))
        else:
            error = CutFailed(f"{_MOST_COPIES} H.264 copies wait already")
            not_kept(self._metrics, sighting, error)

    def _copy(self, sighting: Sighting, clip: EvidenceFile) -> None:
        with self._noting(sighting):
            source = self._store.open_path(clip.path)
            name, kind = f"{clip.kind}-h264.mp4", f"{clip.kind}_h264"
            item = EvidenceItem(name, kind, "video/mp4", clip.start_s)
            work_s = min(_COPY_S, self._copies_until_s - time.monotonic())
            file = self._store.write(
                folder_of(sighting),
                item,
                lambda path: _discard(transcode_h264(source, path, max_work_s=work_s)),
            )
            self._recorder.attach_evidence(sighting.sighting_id, [file])

    def _boxes(
        self,
        finding: Finding,
        item: EvidenceItem,
        marks: Mapping[str, float],
        boxes: Sequence[BoxAt],
    ) -> EvidenceFile:
        sighting = finding.sighting
        clip = ClipFrame(
            view=sighting.view,
            start_s=item.start_s or 0.0,
            size=finding.frame.size,
            zone_id=sighting.zone_id,
            polygon_norm=finding.watch.polygon(sighting.zone_id),
            marks=marks,
            hold_s=max(1.0, finding.watch.glance_period_s * 1.5),
        )
        return self._store.write(folder_of(sighting), item, box_track(clip, boxes))

    @contextmanager
    def _noting(self, sighting: Sighting) -> Iterator[None]:
        """Whatever goes wrong with a file costs that file."""
        try:
            yield
        except (EvidenceError, LedgerError, StreamError, OSError) as error:
            not_kept(self._metrics, sighting, error)
        except Exception:
            self._metrics.evidence_failed.inc()
            log.exception("clip failed", sighting=str(sighting.sighting_id))


def folder_of(sighting: Sighting) -> EvidenceFolder:
    """Where a sighting's files go: the folder of the incident that it founds or would found."""
    return EvidenceFolder(
        day=sighting.started_at.astimezone(UTC).date(),
        camera_id=sighting.view.camera_id,
        incident_id=incident_id_of(sighting.sighting_id),
        incident_type=sighting.type,
    )


def not_kept(metrics: PatrolMetrics, sighting: Sighting, error: Exception) -> None:
    """Count and tell of a clip or picture that could not be kept."""
    metrics.evidence_failed.inc()
    log.warning("evidence not kept", sighting=str(sighting.sighting_id), error=str(error))


def _discard(_result: object) -> None:
    """Make a callable that returns something fit where nothing is returned."""
