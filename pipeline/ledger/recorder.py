"""Records sightings whatever the disk does: into the ledger, until then the spool, or memory."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Event, RLock
from uuid import UUID

import structlog

from pipeline.ledger.errors import LedgerError, SpoolError
from pipeline.ledger.port import Ledger
from pipeline.ledger.spool import NEVER, Spool, Spooled, SpooledEvidence, SpooledSighting
from pipeline.ledger.types import Incident
from pipeline.types import EvidenceFile, Phase, Place, Sighting, ViewKey

_log = structlog.get_logger(__name__)
_MOST_HELD = 10_000
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """What health and metrics show.

    Attributes:
        up: The ledger took what it was asked last.
        reason: Why not.
        spooled: Entries that wait on disk.
        held: Entries that wait in memory, because the spool refuses too.
        lost: Entries that can never be recorded, or that memory had no room for.
    """

    up: bool = True
    reason: str = ""
    spooled: int = 0
    held: int = 0
    lost: int = 0


class Recorder:
    """`Ledger.record` that does not fail because the database does, and keeps the order.

    What the ledger refuses goes to the spool, what the spool refuses stays in memory, and new
    entries queue behind those that wait. Call `flush` from time to time, or `run` in a thread.

    Args:
        ledger: Takes the entries.
        spool: Takes what the ledger refuses.
        rng: For the jitter of pauses.
        most_held: Entries in memory at most.
        recorded: Called whenever the ledger took an entry: events wait in its outbox.
    """

    def __init__(
        self,
        ledger: Ledger,
        spool: Spool,
        *,
        rng: random.Random | None = None,
        most_held: int = _MOST_HELD,
        recorded: Callable[[], None] = lambda: None,
    ) -> None:
        self.ledger, self.spool = ledger, spool
        self._recorded = recorded
        self._rng = rng or random.Random()
        self._status = RecorderStatus()
        self._held: deque[Spooled] = deque()
        self._most_held = most_held
        self._lock = RLock()

    @property
    def status(self) -> RecorderStatus:
        """The newest state; any thread may ask."""
        spooled = 0
        with suppress(SpoolError):
            spooled = len(self.spool)
        return replace(self._status, spooled=spooled, held=len(self._held))

    def record(
        self, sighting: Sighting, evidence: Sequence[EvidenceFile] = (), place: Place | None = None
    ) -> Incident | None:
        """Record a sighting's message; None when it has to wait.

        Raises:
            LedgerRefused, UnknownSighting: It can never be recorded.
            SpoolError: Memory is full too; the entry is lost, and counted.
        """
        return self._take(SpooledSighting(sighting, tuple(evidence), place))

    def attach_evidence(self, sighting_id: UUID, files: Sequence[EvidenceFile]) -> Incident | None:
        """Attach files; None when that has to wait. Raises as `record`."""
        return self._take(SpooledEvidence(sighting_id, tuple(files)))

    def open_sightings(
        self, view: ViewKey, *, ended_since: datetime | None = None
    ) -> tuple[Sighting, ...]:
        """As `Ledger.open_sightings`, with the messages that still wait. Raises LedgerError."""
        with self._lock:
            known = {
                s.sighting_id: s for s in self.ledger.open_sightings(view, ended_since=ended_since)
            }
            for sighting in self._waiting():
                before = known.get(sighting.sighting_id)
                newer = before is None or before.sequence < sighting.sequence
                if sighting.view == view and newer:
                    known[sighting.sighting_id] = sighting
        return tuple(
            s
            for s in sorted(known.values(), key=lambda s: (s.started_at, s.sighting_id))
            if s.phase is not Phase.ENDED
            or (ended_since is not None and s.observed_at >= ended_since)
        )

    def _waiting(self) -> Iterator[Sighting]:
        spooled: list[Spooled] = []
        try:
            spooled = self.spool.entries()
        except SpoolError as error:
            self._note(False, str(error))
        for entry in (*spooled, *self._held):
            if isinstance(entry, SpooledSighting):
                yield entry.sighting

    def _take(self, entry: Spooled) -> Incident | None:
        with self._lock:
            if not self._held:
                try:
                    return self._into_ledger_or_spool(entry)
                except NEVER:
                    self._lose()
                    raise
                except SpoolError as error:
                    self._note(False, str(error))
            if len(self._held) >= self._most_held:
                self._lose()
                raise SpoolError(f"memory must take entries, {len(self._held)} wait in it already")
            self._held.append(entry)
            return None

    def _into_ledger_or_spool(self, entry: Spooled) -> Incident | None:
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
        self.spool.append(entry)
        return None

    def _write(self, entry: Spooled) -> Incident:
        if isinstance(entry, SpooledSighting):
            incident = self.ledger.record(entry.sighting, entry.evidence, entry.place)
        else:
            incident = self.ledger.attach_evidence(entry.sighting_id, entry.files)
        self._recorded()
        return incident

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
            try:
                if len(self.spool):
                    moved = self.spool.replay(self._write, limit=_AT_ONCE)
                elif self._held:
                    moved = self._replay_held()
                else:
                    return 0
            except LedgerError as error:
                self._note(False, str(error))
                self._spool_held()
                raise
            self._note(True, "")
            return moved

    def _replay_held(self) -> int:
        """The oldest entries in memory, each forgotten when the ledger has it or never will."""
        moved = 0
        while self._held and moved < _AT_ONCE:
            try:
                self._write(self._held[0])
            except NEVER as error:
                _log.error("sighting_rejected", reason=str(error))
                self._lose()
            self._held.popleft()
            moved += 1
        return moved

    def _spool_held(self) -> None:
        """Entries in memory survive no kill: they go to disk as soon as it takes them."""
        with self._lock, suppress(SpoolError):
            while self._held:
                self.spool.append(self._held[0])
                self._held.popleft()

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
        self._end()

    def _end(self) -> None:
        """One more try for what would go with the process."""
        self._spool_held()
        if self._held:
            with suppress(LedgerError):
                self.flush()
        if self._held:
            _log.error("sightings_lost", entries=len(self._held), reason=self._status.reason)

    def _lose(self) -> None:
        self._status = replace(self._status, lost=self._status.lost + 1)

    def _note(self, up: bool, reason: str) -> None:
        if up != self._status.up:
            (_log.info if up else _log.error)("ledger", up=up, reason=reason)
        self._status = replace(self._status, up=up, reason=reason)
