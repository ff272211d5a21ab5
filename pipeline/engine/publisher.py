"""From a confirmed sighting to the ledger, with its pictures at once and its clip a little later.

Starts threads and writes files. A sighting is recorded before its clip exists: the queue must
not wait for the post-roll. Whatever the disk or the database does, the sighting goes on.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import cv2
import structlog

from pipeline.engine.clips import ClipCutter, ClipSettings, folder_of, not_kept
from pipeline.engine.metrics import PatrolMetrics
from pipeline.engine.watch import Finding
from pipeline.evidence.errors import EvidenceError
from pipeline.evidence.store import EvidenceItem, EvidenceStore
from pipeline.ledger.errors import LedgerError
from pipeline.ledger.recorder import Recorder
from pipeline.ledger.types import Incident
from pipeline.types import EvidenceFile, Phase, Place, Sighting
from streams.types import Frame

log = structlog.get_logger(__name__)

_JPEG_QUALITY = 88
_POLL_S = 0.2
_MOST_FINDINGS = 1000
_STOP_S = 3.0
_LAST_CUTS_S = 1.0

Locate = Callable[[Sighting], Place | None]


class Publisher:
    """Takes findings from judges, records them in order, has their clips cut."""

    def __init__(
        self,
        recorder: Recorder,
        store: EvidenceStore,
        locate: Locate,
        metrics: PatrolMetrics,
        clips: ClipSettings | None = None,
        *,
        learn: Callable[[Incident], None] | None = None,
    ) -> None:
        self._recorder, self._store, self._locate = recorder, store, locate
        self._metrics = metrics
        self._learn = learn
        self._findings: queue.Queue[Finding] = queue.Queue(_MOST_FINDINGS)
        self._cutter = ClipCutter(recorder, store, metrics, clips)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._record_all, name="publisher", daemon=True)

    def start(self) -> None:
        """Start to publish."""
        self._thread.start()
        self._cutter.start()

    def publish(self, finding: Finding) -> None:
        """Hand a finding over; waits when the ledger is a thousand findings behind."""
        self._findings.put(finding)

    def stop(self, timeout_s: float = _STOP_S) -> None:
        """Record what waits, then cut what is due with the pictures that there are."""
        until_s = time.monotonic() + timeout_s
        self._stop.set()
        self._thread.join(max(0.0, timeout_s - _LAST_CUTS_S))
        self._cutter.stop(max(0.0, until_s - time.monotonic()))

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
        files = self._pictures(finding)
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
            self._cutter.push(finding)

    def _pictures(self, finding: Finding) -> list[EvidenceFile]:
        """Snapshot and the picture before at the start, the picture after at each end.

        A picture that cannot be kept is counted and left out: the record goes on without it.
        """
        sighting, kept = finding.sighting, list[EvidenceFile]()
        wanted: list[tuple[str, str, Frame | None]] = []
        if sighting.phase is Phase.STARTED:
            wanted.append(("snapshot.jpg", "snapshot", finding.frame))
            wanted.append(("before.jpg", "before", finding.before))
            close = finding.watch.close_up(sighting.xyxy_norm)
            wanted.append(("close.jpg", "close", close))
        elif sighting.phase is Phase.ENDED:  # one that reopened ends more than once
            wanted.append((f"after-{sighting.sequence}.jpg", "after", finding.frame))
        for name, kind, frame in wanted:
            if frame is None:
                continue
            item = EvidenceItem(name, kind, "image/jpeg", frame.timestamp_s)
            try:
                kept.append(self._store.write(folder_of(sighting), item, _encoded(frame)))
            except (EvidenceError, OSError, cv2.error) as error:
                not_kept(self._metrics, sighting, error)
        return kept


def _encoded(frame: Frame) -> bytes:
    done, data = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise EvidenceError(f"picture of camera {frame.camera_id} could not be encoded")
    return bytes(data)
