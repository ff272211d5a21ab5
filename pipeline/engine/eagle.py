"""One eagle-eye in work: a thread that takes its pictures, lets the tour decide, and hands on.

    camera ──keyframes──► tour ──settled, verified, registered──► judge (as an observation)
                           │ └── wrong, lost, silent ──► report (health, never an incident)
                           └──► head (ONVIF)

A head may need seconds to answer; therefore each eagle-eye has a thread of its own and nobody
else waits for it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo

import structlog

from pipeline.boxes import iou
from pipeline.engine.observations import Observation
from pipeline.engine.preset import PresetView
from pipeline.tour.keep import TourKeeper
from pipeline.tour.plan import open_views
from pipeline.tour.tour import Tour
from pipeline.tour.values import CloseLook, CloseView, FaultKind, Seen, Stage, TourFault
from pipeline.types import Box, ViewKey
from streams.camera import Camera
from streams.errors import StreamError
from streams.types import Frame, Shot

log = structlog.get_logger(__name__)

_BUSY_S, _CALM_S, _IDLE_S = 0.2, 0.5, 2.0
"""Pauses between pictures while the head moves, while a view is watched, while all is closed."""

_PICTURES = 5
"""Pictures judged per visit, at least; a rule's confirmation needs several."""

_CLOSE_PERIOD_S = 1.0
"""Between two enlarged pictures that are judged; nearer ones show the same."""

_CLOSE_AGAIN_S = 900.0
"""A place that was looked at closely is left in peace so long."""

_HEAD_FAULTS = (FaultKind.HEAD_SILENT, FaultKind.HEAD_REFUSED, FaultKind.NEVER_STILL)


@dataclass(frozen=True, slots=True)
class EaglePorts:
    """Where an eagle-eye's results go.

    Attributes:
        offer: Takes a picture to be judged.
        report: Takes a health event.
        stretch: The common factor on all glance periods.
        clock: Time zone of night plans.
    """

    offer: Callable[[Observation], None]
    report: Callable[[TourFault], None]
    stretch: Callable[[], float]
    clock: tzinfo


@dataclass(slots=True)
class EagleEye:
    """Runs one tour over one camera.

    Attributes:
        camera: The eagle-eye's stream.
        tour: Its tour.
        views: Its presets.
        ports: Where results go.
        keeper: Keeps visits and references over a restart.
        held_by: Operator who holds the head, None while nobody does; the tour waits meanwhile.
    """

    camera: Camera
    tour: Tour
    views: Mapping[str, PresetView]
    ports: EaglePorts
    keeper: TourKeeper
    held_by: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _wish_lock: threading.Lock = field(default_factory=threading.Lock)
    _wishes: deque[CloseLook] = field(default_factory=deque)
    _standing: dict[ViewKey, TourFault] = field(default_factory=dict)
    _close: list[tuple[CloseLook, float]] = field(default_factory=list)
    _offered: dict[ViewKey, float] = field(default_factory=dict)
    _at: ViewKey | None = None
    _taken_s: float = float("-inf")
    _glanced_s: float = float("-inf")
    _enlarged_s: float = float("-inf")

    def __post_init__(self) -> None:
        for view in self.views.values():
            view.host = self

    @property
    def faults(self) -> tuple[TourFault, ...]:
        """What is wrong now, one for each preset."""
        return tuple(self._standing.values())

    def run(self, stop: threading.Event) -> None:
        """Tour until `stop`; every fault is logged and the tour goes on."""
        while not stop.is_set():
            try:
                self._step()
            except StreamError as error:
                log.debug("eagle-eye has no picture", camera=self.tour.camera_id, error=str(error))
            except Exception:
                log.exception("eagle-eye failed", camera=self.tour.camera_id)
            stop.wait(self._pause_s())
        self._keep()
        if self.tour.head is not None:
            self.tour.head.close()

    def take(self, shot: Shot) -> Frame | None:
        """The picture laid over the view that it shows, None while nothing may be judged.

        Glances and looks both come here; one that is older than the last is left out.
        """
        with self._lock:
            if shot.timestamp_s <= self._taken_s:
                return None
            self._taken_s = shot.timestamp_s
            frame = shot.frame()
            self.tour.held = self.held_by is not None
            while self._wishes:
                self.tour.wants.add(self._wishes.popleft())
            views = open_views(self.tour.settings, frame.captured_at, self.ports.clock)
            seen = self.tour.update(frame.image, frame.timestamp_s, views)
            self._follow(seen)
        for fault in seen.faults:
            self._report(fault)
        if seen.close is not None and self._at is not None:
            self._look_closer(self._at, seen.close, frame)
        if seen.view is None or seen.image is None:
            return None
        return frame if seen.image is frame.image else replace(frame, image=seen.image)

    def _look_closer(self, at: ViewKey, close: CloseView, frame: Frame) -> None:
        """Keep the enlarged picture as evidence, and let it count for the claim behind it."""
        self.views[at.view_id].closer(close.place_norm, frame)
        if frame.timestamp_s - self._enlarged_s >= _CLOSE_PERIOD_S:
            self._enlarged_s = frame.timestamp_s
            asked_s = time.monotonic()
            self.ports.offer(Observation(at, frame, looking=False, asked_s=asked_s, close=close))

    def is_at(self, view: ViewKey) -> bool:
        """Whether the head stands at the view."""
        return self._at == view

    def want(self, view: ViewKey, place_norm: Box, priority: float) -> None:
        """Ask for a closer look at a place, once in a while.

        Called by the one thread that judges all cameras: it must not wait for a head to answer.
        """
        if self.tour.head is None or not self.tour.head.can_step:
            return
        now_s, look = self._taken_s, CloseLook(view.view_id, place_norm, priority)
        with self._wish_lock:
            self._close = [(c, s) for c, s in self._close if now_s - s < _CLOSE_AGAIN_S]
            if not any(_is_same(look, known) for known, _ in self._close):
                self._close.append((look, now_s))
                self._wishes.append(look)

    def _step(self) -> None:
        picture = self.camera.glance(self._glanced_s)
        if picture is None:
            return
        self._glanced_s = picture.timestamp_s
        frame = self.take(picture)
        at = self._at
        if frame is None or at is None:
            return
        view = self.views[at.view_id]
        if frame.timestamp_s - self._offered.get(at, float("-inf")) >= self._period_s(view):
            self._offered[at] = frame.timestamp_s
            self.ports.offer(Observation(at, frame, looking=False, asked_s=time.monotonic()))

    def _period_s(self, view: PresetView) -> float:
        if view.waits:
            return 0.0
        stop = next(s for s in self.tour.settings.stops if s.view == view.key.view_id)
        return min(view.glance_period_s, stop.dwell_s / _PICTURES) * self.ports.stretch()

    def _pause_s(self) -> float:
        if self.tour.stage is Stage.WATCHING:
            return _CALM_S
        return _IDLE_S if self.tour.stage is Stage.CLOSED else _BUSY_S

    def _follow(self, seen: Seen) -> None:
        """Tell the views what begins and ends."""
        if seen.left is not None:
            self.views[seen.left.view_id].leave()
            self._at = None
            self._keep()
        if seen.arrived and seen.view is not None:
            view = self.views[seen.view.view_id]
            view.arrive()
            self._at = seen.view
            self._offered.pop(seen.view, None)
            self._clear(seen.view)
            log.debug("arrived", view=str(seen.view))

    def _clear(self, view: ViewKey) -> None:
        """An arrival proves the head and this preset."""
        for key, fault in list(self._standing.items()):
            if key == view or fault.kind in _HEAD_FAULTS:
                del self._standing[key]
                log.info("preset is well again", view=str(key), fault=fault.kind.value)

    def _report(self, fault: TourFault) -> None:
        known = self._standing.get(fault.view)
        self._standing[fault.view] = fault
        if known is None or known.kind is not fault.kind:
            log.warning(
                "preset fault",
                view=str(fault.view),
                fault=fault.kind.value,
                detail=fault.detail,
                shows=fault.instead,
            )
        self.ports.report(fault)

    def _keep(self) -> None:
        try:
            self.keeper.keep(self.tour)
        except OSError as error:
            log.warning("tour not kept", camera=self.tour.camera_id, reason=str(error))


def _is_same(a: CloseLook, b: CloseLook) -> bool:
    return a.view_id == b.view_id and iou(a.xyxy_norm, b.xyxy_norm) > 0.3
