"""Records sightings whatever the database does: into the ledger, or until then the spool."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from threading import Event, RLock
from uuid import UUID

import structlog

from pipeline.ledger.errors import LedgerError, SpoolError
from pipeline.ledger.port import Ledger
from pipeline.ledger.spool import NEVER, Spool, Spooled, SpooledEvidence, SpooledSighting
from pipeline.ledger.types import Incident
from pipeline.types import EvidenceFile, Place, Sighting

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """What health and metrics show.

    Attributes:
        up: The ledger took what it was asked last.
        reason: Why not.
        spooled: Entries that wait on disk.
        lost: Entries that neither the ledger nor the spool took.
    """

    up: bool = True
    reason: str = ""
    spooled: int = 0
    lost: int = 0


class Recorder:
    """`Ledger.record` that does not fail because the database does, and keeps the order.

    While entries wait in the spool, new ones queue behind them. Call `flush` from time to time,
    or `run` in a thread.
    """

    def __init__(self, ledger: Ledger, spool: Spool, *, rng: random.Random | None = None) -> None:
        self.ledger, self.spool = ledger, spool
        self._rng = rng or random.Random()
        self._status = RecorderStatus()
        self._lock = RLock()

    @property
    def status(self) -> RecorderStatus:
        """The newest state; any thread may ask."""
        return replace(self._status, spooled=len(self.spool))

    def record(
        self, sighting: Sighting, evidence: Sequence[EvidenceFile] = (), place: Place | None = None
    ) -> Incident | None:
        """Record a sighting's message; None when it went to the spool.

        Raises:
            LedgerRefused, UnknownSighting: It can never be recorded.
            SpoolError: The spool is full too; the entry is lost, and counted.
        """
        return self._take(SpooledSighting(sighting, tuple(evidence), place))

    def attach_evidence(self, sighting_id: UUID, files: Sequence[EvidenceFile]) -> Incident | None:
        """Attach files; None when that went to the spool. Raises as `record`."""
        return self._take(SpooledEvidence(sighting_id, tuple(files)))

    def _take(self, entry: Spooled) -> Incident | None:
        with self._lock:
            if not len(self.spool):
                try:
                    incident = self._write(entry)
                except NEVER:
                    raise
                except LedgerError as error:  # full, locked, away, damaged: the spool keeps it
                    self._note(False, str(error))
                else:
                    self._note(True, "")
                    return incident
            try:
                self.spool.append(entry)
            except SpoolError:
                self._status = replace(self._status, lost=self._status.lost + 1)
                raise
            return None

    def _write(self, entry: Spooled) -> Incident:
        if isinstance(entry, SpooledSighting):
            return self.ledger.record(entry.sighting, entry.evidence, entry.place)
        return self.ledger.attach_evidence(entry.sighting_id, entry.files)

    def flush(self) -> int:
        """Move what waits into the ledger; returns how many entries. Cameras that record
        meanwhile wait for a few entries at most, not for all.

        Raises:
            LedgerError: It stopped half way; the rest still waits.
        """
        moved = 0
        while count := self._flush_some():
            moved += count
        return moved

    def _flush_some(self) -> int:
        with self._lock:
            if not len(self.spool):
                return 0
            try:
                moved = self.spool.replay(self._write, limit=20)
            except LedgerError as error:
                self._note(False, str(error))
                raise
            self._note(True, "")
            return moved

    def run(self, stop: Event, *, every_s: float = 1.0, longest_s: float = 15.0) -> None:
        """Flush until `stop` is set, with a growing and jittered pause while it fails."""
        failures = 0
        while not stop.is_set():
            try:
                self.flush()
                failures = 0
            except LedgerError:
                failures += 1  # noted in the status, and logged when it changed
            except Exception:  # a bug in one entry must not end the loop
                failures += 1
                _log.exception("spool_flush_failed")
            pause = min(longest_s, every_s * 2.0 ** min(failures, 8))
            stop.wait(pause * self._rng.uniform(0.5, 1.0) if failures else every_s)

    def _note(self, up: bool, reason: str) -> None:
        if up != self._status.up:
            (_log.info if up else _log.error)("ledger", up=up, reason=reason)
        self._status = replace(self._status, up=up, reason=reason)
