"""The spool: what the ledger could not take, kept on disk in order until it can.

Segments of JSON lines, each line synced before `append` returns. A process writes segments of
its own and never continues an old one, so a torn line is always the last of its segment: it was
never promised to anybody and is dropped. Use one folder per process.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import Any
from uuid import UUID

import structlog

from pipeline.ledger.codec import (
    evidence_json,
    evidence_of,
    place_json,
    place_of,
    sighting_json,
    sighting_of,
)
from pipeline.ledger.errors import LedgerRefused, SpoolError, UnknownIncident, UnknownSighting
from pipeline.types import EvidenceFile, Place, Sighting

_log = structlog.get_logger(__name__)


NEVER = (LedgerRefused, UnknownSighting, UnknownIncident)
"""Errors after which trying again is useless."""


@dataclass(frozen=True, slots=True)
class SpooledSighting:
    """Arguments of a `Ledger.record`."""

    sighting: Sighting
    evidence: tuple[EvidenceFile, ...] = ()
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class SpooledEvidence:
    """Arguments of a `Ledger.attach_evidence`."""

    sighting_id: UUID
    files: tuple[EvidenceFile, ...]


Spooled = SpooledSighting | SpooledEvidence


@dataclass(frozen=True, slots=True)
class SpoolConfig:
    """Bounds of the spool.

    Attributes:
        segment_bytes: A segment is closed when it is as long as this.
        max_bytes: Of all segments; beyond it entries are refused and counted.
    """

    segment_bytes: int = 1 << 20
    max_bytes: int = 256 << 20


class Spool:
    """Entries on disk, oldest first; safe from several threads of one process."""

    def __init__(self, folder: Path, config: SpoolConfig | None = None) -> None:
        self.folder = folder
        self.config = config or SpoolConfig()
        self.refused = 0
        self._lock = RLock()
        self._open: Path | None = None
        self._size = 0
        self._pending: int | None = None
        self._done_lines = 0

    def append(self, entry: Spooled) -> None:
        """Add an entry and make it durable.

        Raises:
            SpoolError: The spool is full or the disk refuses; the entry is not kept.
        """
        line = json.dumps(_to_json(entry), separators=(",", ":")).encode() + b"\n"
        with self._lock:
            pending = len(self)
            try:
                self._write(line)
            except OSError as error:
                self.refused += 1
                self._open = None  # whatever is torn now stays the last line of its segment
                raise SpoolError(f"spool {self.folder.name} must take entries: {error}") from error
            self._pending = pending + 1

    def _write(self, line: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if (
            sum(path.stat().st_size for path in self._segments()) + len(line)
            > self.config.max_bytes
        ):
            raise OSError(f"{self.config.max_bytes} bytes are spooled already")
        fresh = self._open is None or self._size >= self.config.segment_bytes
        path = self._next_segment() if fresh or self._open is None else self._open
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            before = os.fstat(fd).st_size
            try:
                if os.write(fd, line) != len(line):
                    raise OSError("disk is full")
                os.fsync(fd)
            except OSError:
                os.ftruncate(fd, before)
                if before == 0:
                    path.unlink()
                raise
        finally:
            os.close(fd)
        if fresh:
            _sync_folder(self.folder)
        self._open, self._size = path, before + len(line)

    def _next_segment(self) -> Path:
        last = max((int(path.stem) for path in self._segments()), default=0)
        return self.folder / f"{last + 1:012d}.jsonl"

    def _segments(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.jsonl"))

    def __len__(self) -> int:
        """Number of entries that wait; SpoolError when the disk cannot be read."""
        with self._lock:
            if self._pending is None:
                with self._reading():
                    self._pending = sum(1 for _ in self._waiting())
            return self._pending

    def entries(self) -> list[Spooled]:
        """What waits, oldest first; SpoolError when the disk cannot be read."""
        found = []
        with self._lock, self._reading():
            for line in self._waiting():
                with contextlib.suppress(ValueError, KeyError, TypeError):  # `replay` tells of it
                    found.append(_from_json(json.loads(line)))
        return found

    def _waiting(self) -> Iterator[bytes]:
        lines = (line for path in self._segments() for line in _whole_lines(path))
        return islice(lines, self._done_lines, None)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SpoolError(f"spool {self.folder.name} must be readable: {error}") from error

    def replay(self, take: Callable[[Spooled], object], limit: int | None = None) -> int:
        """Hand entries over in order and forget them; returns how many were taken.

        Args:
            limit: Most entries to hand over, all when None.
            take: Records one entry. One that can never be recorded is set aside in
                `rejected.jsonl`, with the reason; any other LedgerError stops the replay, and
                the entry stays.

        Raises:
            LedgerError: From `take`.
            SpoolError: The spool cannot be read.
        """
        taken = 0
        with self._lock, self._reading():
            for path in self._segments():
                if limit is not None and taken >= limit:
                    break
                taken += self._replay_segment(path, take, limit and limit - taken)
        return taken

    def _replay_segment(
        self, path: Path, take: Callable[[Spooled], object], limit: int | None
    ) -> int:
        taken = 0
        for number, line in enumerate(_whole_lines(path)):
            if number < self._done_lines:
                continue  # taken before a failure, or a limit
            if limit is not None and taken >= limit:
                return taken
            try:
                take(_from_json(json.loads(line)))
            except (*NEVER, ValueError, KeyError, TypeError) as error:
                self._set_aside(line, error)
            taken += 1
            self._done_lines = number + 1
            if self._pending:
                self._pending -= 1
        path.unlink(missing_ok=True)
        self._done_lines = 0
        if path == self._open:
            self._open = None
        return taken

    def _set_aside(self, line: bytes, error: Exception) -> None:
        _log.error("spool_entry_rejected", reason=str(error))
        entry = {"reason": str(error), "line": line.decode(errors="replace")}
        with (self.folder / "rejected.jsonl").open("a") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _whole_lines(path: Path) -> Iterator[bytes]:
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        yield from (line for line in file if line.endswith(b"\n"))


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _to_json(entry: Spooled) -> dict[str, Any]:
    if isinstance(entry, SpooledSighting):
        return {
            "sighting": sighting_json(entry.sighting),
            "evidence": _files_json(entry.evidence),
            "place": place_json(entry.place) if entry.place else None,
        }
    return {"sighting_id": str(entry.sighting_id), "evidence": _files_json(entry.files)}


def _from_json(value: Mapping[str, Any]) -> Spooled:
    files = tuple(evidence_of(file) for file in value["evidence"])
    if "sighting" not in value:
        return SpooledEvidence(UUID(value["sighting_id"]), files)
    place = place_of(value["place"]) if value["place"] else None
    return SpooledSighting(sighting_of(value["sighting"]), files, place)


def _files_json(files: Sequence[EvidenceFile]) -> list[dict[str, Any]]:
    return [evidence_json(file) for file in files]
