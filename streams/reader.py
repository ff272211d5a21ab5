"""The thread that reads one camera: connects, reads, waits, connects again."""

from __future__ import annotations

import random
import threading
import time
from typing import Protocol

import structlog

from streams.errors import StreamError
from streams.options import CameraOptions
from streams.source import Session, open_source
from streams.types import Packet

log = structlog.get_logger(__name__)

# A reader that outlives its hard timeouts by this much hangs, e.g. in a name lookup.
READER_GRACE_S = 5.0
# A connection that held so long was good: the next failure is the first again.
_STEADY_S = 30.0


class ReaderSink(Protocol):
    """What a reader tells; called in the reader's thread, never after its session was stopped."""

    def connecting(self) -> None: ...

    def connected(self, packet: Packet) -> None:
        """The first picture came. Only that proves a camera: some answer and then send nothing."""

    def received(self, packet: Packet, previous: Packet | None) -> None: ...

    def broken(self, error: StreamError) -> None: ...

    def ended(self) -> None:
        """A clip came to its end; the reader ends too."""


class CameraReader(threading.Thread):
    """Reads until its session is stopped, or a clip ends."""

    def __init__(
        self, camera_id: str, url: str, options: CameraOptions, session: Session, sink: ReaderSink
    ) -> None:
        super().__init__(name=f"camera-{camera_id}", daemon=True)
        self.session = session
        self._camera_id = camera_id
        self._url = url
        self._options = options
        self._sink = sink
        self._rng = random.Random()
        self._moved_s = time.monotonic()

    def hangs(self) -> bool:
        """Return whether it has not moved for longer than every timeout together."""
        source = self._options.source
        longest_s = max(source.open_timeout_s * 2, source.read_timeout_s) + READER_GRACE_S
        return self.is_alive() and time.monotonic() - self._moved_s > longest_s

    def run(self) -> None:
        failures = 0
        while not self.session.stop.is_set():
            began_s = time.monotonic()
            if self._read_or_tell():
                return
            steady = time.monotonic() - began_s > _STEADY_S
            failures = 1 if steady else failures + 1
            wait_s = self._options.backoff.wait_s(failures, self._rng)
            self._moved_s = time.monotonic() + wait_s
            self.session.stop.wait(wait_s)

    def _read_or_tell(self) -> bool:
        """Connect and read until that fails; return whether it is over for good."""
        self._moved_s = time.monotonic()
        try:
            self._sink.connecting()
            self._read()
        except StreamError as error:
            self._tell_broken(error)
        except Exception as error:  # the top of the thread: whatever it is, the camera comes back
            log.exception("camera_reader_failed", camera_id=self._camera_id)
            self._tell_broken(StreamError(f"internal error: {type(error).__name__}"))
        else:
            if not self.session.stop.is_set():
                self._sink.ended()
            return True
        return self.session.stop.is_set()

    def _read(self) -> None:
        source = open_source(self._camera_id, self._url, self._options.source, session=self.session)
        with source:
            previous: Packet | None = None
            for packet in source:
                if self.session.stop.is_set():
                    return
                self._moved_s = time.monotonic()
                if previous is None:
                    self._sink.connected(packet)
                self._sink.received(packet, previous)
                previous = packet

    def _tell_broken(self, error: StreamError) -> None:
        if not self.session.stop.is_set():
            self._sink.broken(error)
