"""A head that is connected when it is first needed, and again after it fell silent."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from streams.ptz.head import (
    HeadPreset,
    HeadRefused,
    HeadStatus,
    HeadUnreachable,
    PtzHead,
    ViewStep,
)

T = TypeVar("T")

REFUSED_S = 60.0
"""Pause after a refused connection: many devices lock an account after a few wrong passwords."""


class LastingHead:
    """A `PtzHead` over connections that come and go.

    Args:
        connect: Opens a connection; blocks, and raises `HeadError`.
        clock: Seconds; monotonic.
    """

    def __init__(
        self, connect: Callable[[], PtzHead], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._connect, self._clock = connect, clock
        self._head: PtzHead | None = None
        self._refused: tuple[float, str] = (float("-inf"), "")

    @property
    def can_step(self) -> bool:
        """Whether `step` works; False while there is no connection."""
        return self._head is not None and self._head.can_step

    def presets(self) -> tuple[HeadPreset, ...]:
        """See `PtzHead.presets`."""
        return self._ask(lambda head: head.presets())

    def goto(self, token: str) -> None:
        """See `PtzHead.goto`."""
        self._ask(lambda head: head.goto(token))

    def status(self) -> HeadStatus:
        """See `PtzHead.status`."""
        return self._ask(lambda head: head.status())

    def step(self, step: ViewStep) -> None:
        """See `PtzHead.step`."""
        self._ask(lambda head: head.step(step))

    def stop(self) -> None:
        """See `PtzHead.stop`."""
        self._ask(lambda head: head.stop())

    def close(self) -> None:
        """See `PtzHead.close`."""
        head, self._head = self._head, None
        if head is not None:
            head.close()

    def _ask(self, request: Callable[[PtzHead], T]) -> T:
        head = self._connected()
        try:
            return request(head)
        except HeadUnreachable:
            self.close()
            raise

    def _connected(self) -> PtzHead:
        until_s, reason = self._refused
        if self._head is None and self._clock() < until_s:
            raise HeadRefused(reason)
        if self._head is None:
            try:
                self._head = self._connect()
            except HeadRefused as error:
                self._refused = (self._clock() + REFUSED_S, str(error))
                raise
        return self._head
