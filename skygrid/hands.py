"""Lets operators take heads by hand: reads who holds which, and tells the eagle-eyes."""

from __future__ import annotations

import time
from collections.abc import Sequence

import structlog
from sqlalchemy import Engine

from pipeline.engine.eagle import EagleEye
from pipeline.heads import heads_in_hand

log = structlog.get_logger(__name__)


class Hands:
    """Between the database, where the page says who holds a head, and the tours."""

    def __init__(self, engine: Engine, eagles: Sequence[EagleEye]) -> None:
        self._engine = engine
        self._eagles = eagles

    def obey(self) -> None:
        """Pause and resume tours as the page says; raises LedgerError."""
        if not self._eagles:
            return
        held = heads_in_hand(self._engine, time.time())
        for eagle in self._eagles:
            hold = held.get(eagle.tour.camera_id)
            holder = hold.held_by if hold is not None else None
            if holder != eagle.held_by:
                log.info("head in hand", camera=eagle.tour.camera_id, by=holder)
                eagle.held_by = holder
