"""Retention: evidence goes when its type's time is over, and leaves a signed line in the chain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any
from uuid import UUID

import structlog

from pipeline.evidence.errors import EvidenceError, EvidenceUnavailable
from pipeline.evidence.store import EvidenceStore
from pipeline.ledger.errors import LedgerError
from pipeline.ledger.port import Ledger

_log = structlog.get_logger(__name__)


def _nothing_held(_incident_id: UUID) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class RetentionConfig:
    """How long evidence is kept.

    Attributes:
        default: For types that are not named.
        by_type: For incident types.
        held: True for incidents whose evidence must stay, e.g. of an open case.
    """

    default: timedelta = timedelta(days=30)
    by_type: Mapping[str, timedelta] = field(default_factory=dict)
    held: Callable[[UUID], bool] = _nothing_held


def retire(
    store: EvidenceStore,
    config: RetentionConfig,
    now: datetime,
    note: Callable[[tuple[str, ...]], object] = len,
) -> tuple[str, ...]:
    """Remove what is over its time; returns the removed paths.

    `note` hears of the paths first (the ledger shows them no more), then the manifest, then the
    file goes: a crash in between leaves a file that the next run removes, never a gap that looks
    like tampering, nor a link to nothing.

    Raises:
        EvidenceUnavailable: The manifest cannot be written; what was removed before stays so.
        Whatever `note` raises: nothing was removed.
    """
    manifest = store.manifest()
    kept: dict[str, Mapping[str, Any]] = {}
    gone: set[str] = set()
    for line in manifest.lines():
        path = str(line.body.get("path", ""))
        if line.wrong:
            continue  # never delete on the word of a line that was tampered with
        if line.body["op"] == "add":
            kept[path] = line.body
            gone.discard(path)
        else:
            kept.pop(path, None)
            gone.add(path)
    for path in gone:
        store.disk.remove(store.root / path)
    over = {path: body for path, body in kept.items() if _is_over(body, config, now)}
    if over:
        note(tuple(over))
    for path, body in over.items():
        _remove(store, path, body, now)
    if over:
        _log.info("evidence_retired", files=len(over))
    return tuple(over)


class Retention:
    """Retires evidence once in a while, in the store and in the ledger."""

    def __init__(
        self,
        store: EvidenceStore,
        ledger: Ledger,
        config: RetentionConfig,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store, self._ledger = store, ledger
        self._config, self._clock = config, clock

    def run_once(self) -> tuple[str, ...]:
        """Retire what is over its time; returns the paths. Raises EvidenceError, LedgerError."""
        now = self._clock()

        def note(paths: tuple[str, ...]) -> int:
            return self._ledger.evidence_removed(paths, now)

        return retire(self._store, self._config, now, note)

    def run(self, stop: Event, *, every_s: float = 3600.0) -> None:
        """Retire every `every_s` until `stop` is set; a failure is logged and tried again."""
        while not stop.is_set():
            try:
                self.run_once()
            except (EvidenceError, LedgerError) as error:
                _log.warning("retention_failed", reason=str(error))
            except Exception:  # the next hour may be better
                _log.exception("retention_failed")
            stop.wait(every_s)


def _is_over(body: Mapping[str, Any], config: RetentionConfig, now: datetime) -> bool:
    limit = config.by_type.get(str(body["incident_type"]), config.default)
    over = now - datetime.fromisoformat(body["at"]) > limit
    return over and not config.held(UUID(body["incident_id"]))


def _remove(store: EvidenceStore, path: str, body: Mapping[str, Any], now: datetime) -> None:
    tombstone = {
        "op": "remove",
        "at": now.isoformat(),
        "path": path,
        "sha256": body["sha256"],
        "incident_id": body["incident_id"],
        "incident_type": body["incident_type"],
        "reason": "retention",
    }
    try:
        store.manifest().append(tombstone)
        store.disk.remove(store.root / path)
    except OSError as error:
        raise EvidenceUnavailable(f"manifest must be writable, got: {error.strerror}") from error
    _remove_empty_folders(store, path)


def _remove_empty_folders(store: EvidenceStore, path: str) -> None:
    for folder in list((store.root / path).parents):
        if folder == store.root:
            return
        try:
            folder.rmdir()
        except OSError:
            return  # not empty
