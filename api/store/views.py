"""Notes who looked at evidence: once per person, file and ten minutes, written in batches."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from sqlalchemy.engine import Engine

from api.store.audit import Act, AuditLog
from pipeline.ledger.database import writing

_SAME_S = 600.0
_MAX_WAITING = 500
_MAX_SEEN = 20_000


class ViewLog:
    """A bounded buffer before the audit log; a full buffer is written by who filled it."""

    def __init__(self, engine: Engine, log: AuditLog, clock: Callable[[], float]) -> None:
        self._engine = engine
        self._log = log
        self._clock = clock
        self._waiting: list[Act] = []
        self._seen: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self._lock = Lock()

    def note(self, act: Act) -> None:
        """Remember a view unless the same was noted lately."""
        now = self._clock()
        key = (act.actor, act.action, act.subject)
        with self._lock:
            if now - self._seen.get(key, -_SAME_S) < _SAME_S:
                return
            self._seen[key] = now
            self._seen.move_to_end(key)
            if len(self._seen) > _MAX_SEEN:
                self._seen.popitem(last=False)
            self._waiting.append(act)
            full = len(self._waiting) >= _MAX_WAITING
        if full:
            self.flush()

    def flush(self) -> None:
        """Write what waits, in one transaction; it waits on when that fails."""
        with self._lock:
            batch, self._waiting = self._waiting, []
        if not batch:
            return
        try:
            with writing(self._engine) as session:
                for act in batch:
                    self._log.append_in(session, act)
        except Exception:
            with self._lock:
                self._waiting = batch + self._waiting
            raise
