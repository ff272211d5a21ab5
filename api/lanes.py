"""Threads of the server: a few for what people wait for, and others for long reports.

Answering is processor work under one interpreter lock: with 20 operators asking at once, 40
threads (the framework's default) answered 30 requests a second, 4 answer 65 at a third of the
processor time each (`skygrid bench review`). Few threads must not be taken by a year's export.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

Answer = TypeVar("Answer")
QUICK_THREADS = 4
LONG_THREADS = 2


class Lanes:
    """The threads of one server."""

    def __init__(self) -> None:
        self._long = CapacityLimiter(LONG_THREADS)

    def open(self) -> None:
        """Bound the threads of ordinary requests; called inside the server's event loop."""
        to_thread.current_default_thread_limiter().total_tokens = QUICK_THREADS

    async def long(self, work: Callable[[], Answer]) -> Answer:
        """Run work of seconds in a thread that no ordinary request waits for."""
        return await to_thread.run_sync(work, limiter=self._long)
