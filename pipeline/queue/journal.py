"""Handled events in a file: one JSON line each, synced, so that a restart repeats none."""

from __future__ import annotations

import json
import os
from collections import deque
from pathlib import Path

from pipeline.queue.consumer import EventKey, RecentEvents
from pipeline.queue.errors import BusError


class JournalError(BusError):
    """The journal cannot be read or written."""


class Journal:
    """`SeenEvents` in a file; remembers the newest `capacity` after a restart. One process."""

    def __init__(self, path: Path, capacity: int = 100_000) -> None:
        self._path = path
        self._recent = RecentEvents(capacity)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            whole = self._load(capacity)
            os.ftruncate(self._fd, whole)  # a torn last line was never acknowledged
        except OSError as error:
            raise JournalError(f"journal must be writable: {error}") from error

    def _load(self, capacity: int) -> int:
        whole = 0
        newest: deque[bytes] = deque(maxlen=capacity)
        with self._path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    whole += len(line)
                    newest.append(line)
        for line in newest:
            source, event_id = json.loads(line)
            self._recent.add((source, event_id))
        return whole

    def has(self, key: EventKey) -> bool:
        """See `SeenEvents.has`."""
        return self._recent.has(key)

    def add(self, key: EventKey) -> None:
        """See `SeenEvents.add`. Raises JournalError."""
        try:
            os.write(self._fd, json.dumps(key).encode() + b"\n")
            os.fsync(self._fd)
        except OSError as error:
            raise JournalError(f"journal must be writable: {error}") from error
        self._recent.add(key)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)
