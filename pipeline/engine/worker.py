"""One worker: glances at many cameras, looks where something is suspected, judges every picture.

    scheduler ─due views─► decode pool ─pictures─► judge ─sightings─► publisher
        ▲                                            │
        └───────────── finished ◄────────────────────┤
    look budget ◄──────── suspicions ◄───────────────┘

Starts threads. A camera can hold one place in the decode pool at most, so a bad one delays
nobody; pictures wait in one bounded queue; the judge is one thread, because decisions are cheap
and detection has threads of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import structlog

from models.detections import Detections
from pipeline.engine.glances import GlanceScheduler
from pipeline.engine.looks import LookBudget, LookOrder, LookPressure
from pipeline.engine.metrics import PatrolMetrics
from pipeline.engine.observations import Observation, ObservationQueue
from pipeline.engine.watch import WatchedView
from pipeline.types import ViewKey
from streams.errors import StreamError

log = structlog.get_logger(__name__)

_IDLE_S, _LEAST_IDLE_S = 0.1, 0.005
_HELD_UP_S = 0.2
_OFFERED = 4
"""Places for pictures that no schedule brings: those of eagle-eyes."""
_JOIN_S = 3.0
_AFTER_FAULT_S = 1.0
_BACK_PRIORITY = 2.5
"""A look back cannot wait, its packets leave the ring; only severe suspicions go before it."""


class Look(Protocol):
    """Sees one picture of each view: boxes in full-frame pixels, in the order of the pictures."""

    def __call__(self, pictures: Sequence[Observation]) -> list[Detections]: ...


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How much one worker takes on.

    Attributes:
        decode_threads: Pictures decoded at once.
        batch: Most pictures detected together.
        max_looks: Views under full attention at once.
        look_pictures: Most decoded pictures of looks waiting; a look holds its next one back for
            as long as it has between two.
    """

    decode_threads: int = 2
    batch: int = 8
    max_looks: int = 2
    look_pictures: int = 4


class Worker:
    """Watches views until stopped; every effect goes through `see` and the views' own ports."""

    def __init__(
        self,
        views: Sequence[WatchedView],
        see: Look,
        metrics: PatrolMetrics,
        settings: WorkerSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings or WorkerSettings()
        self._views = {view.key: view for view in views}
        self._see = see
        self._metrics = metrics
        self._clock = clock
        periods = {v.key: v.glance_period_s for v in views if v.is_scheduled}
        urgent = [v.key for v in views if v.is_urgent]
        self._scheduler = GlanceScheduler(periods, clock(), urgent)
        self._schedule_lock = threading.Lock()
        self._looks = LookBudget(self._settings.max_looks)
        self._looks_lock = threading.Lock()
        decoding = self._settings.decode_threads * 2
        self._places = threading.Semaphore(decoding)
        self._pictures = ObservationQueue(
            glances=self._settings.batch + decoding + _OFFERED, looks=self._settings.look_pictures
        )
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._pool = ThreadPoolExecutor(self._settings.decode_threads, thread_name_prefix="decode")

    @property
    def views(self) -> tuple[WatchedView, ...]:
        """The views in work."""
        return tuple(self._views.values())

    @property
    def stretch(self) -> float:
        """The common factor on all glance periods, 1 when everything is on time."""
        return self._scheduler.stretch

    @property
    def dead_threads(self) -> tuple[str, ...]:
        """Names of threads that ended although nobody stopped the worker."""
        return tuple(t.name for t in self._threads if not t.is_alive() and not self._stop.is_set())

    def start(self) -> None:
        """Start to glance."""
        for work, name in ((self._dispatch, "glances"), (self._judge, "judge")):
            thread = threading.Thread(target=self._again, args=(work,), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, timeout_s: float = _JOIN_S) -> None:
        """Stop within `timeout_s`; what was judged so far has been handed on."""
        until_s = time.monotonic() + timeout_s
        self._stop.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        for thread in list(self._threads):
            thread.join(max(0.0, until_s - time.monotonic()))

    def retime(self, key: ViewKey) -> None:
        """Take over the glance period and right of way that a view's zones ask for now."""
        view = self._views[key]
        with self._schedule_lock:
            self._scheduler.set_period(
                key, view.glance_period_s, self._clock(), urgent=view.is_urgent
            )

    def _again(self, work: Callable[[], None]) -> None:
        """Do one thread's work until the worker is stopped, whatever fails."""
        while not self._stop.is_set():
            try:
                work()
            except Exception:
                log.exception("worker round failed", thread=threading.current_thread().name)
                self._stop.wait(_AFTER_FAULT_S)

    def offer(self, picture: Observation) -> None:
        """Take a picture to be judged from outside: an eagle-eye glances by itself."""
        self._enqueue(picture)

    def worst_wait(self) -> float:
        """Longest wait for a glance since the last call, see `GlanceScheduler.worst_wait`."""
        with self._schedule_lock:
            return self._scheduler.worst_wait()

    def look_pressure(self) -> LookPressure:
        """How short attention is now."""
        with self._looks_lock:
            return self._looks.pressure(self._clock())

    # glances

    def _dispatch(self) -> None:
        """Grant looks, and hand the most urgent view to the pool."""
        self._grant_looks(self._clock())
        if not self._pictures.wait_for_glances(self._settings.batch, _HELD_UP_S):
            return  # the judge is behind: glances wait, and all periods stretch for it
        now = self._clock()
        if not self._places.acquire(timeout=_HELD_UP_S):
            return
        handed = False
        try:
            handed = self._submit_due(now)
        finally:
            if not handed:
                self._places.release()
        if not handed:
            self._stop.wait(self._idle_s())

    def _submit_due(self, now: float) -> bool:
        with self._schedule_lock:
            due = self._scheduler.take_due(now, 1)
            self._metrics.stretch.set(self._scheduler.stretch)
        if not due or self._stop.is_set():
            return False
        try:
            self._pool.submit(self._glance, self._views[due[0]], now)
        except RuntimeError:
            self._finished(due[0], now)
            if self._stop.is_set():  # the pool was shut in between
                return False
            raise
        return True

    def _idle_s(self) -> float:
        """Until the next view falls due, but looks do not wait for that."""
        with self._schedule_lock:
            due_s = self._scheduler.next_due_s()
        left_s = _IDLE_S if due_s is None else due_s - self._clock()
        return min(_IDLE_S, max(_LEAST_IDLE_S, left_s))

    def _glance(self, view: WatchedView, now: float) -> None:
        try:
            with self._metrics.decode_s.time():
                shot = view.glance()
            if shot is None:
                self._metrics.no_picture.inc()
                with self._schedule_lock:
                    self._scheduler.retry(view.key, now)
                return
            known = view.known(shot)
            self._enqueue(Observation(view.key, shot, looking=False, asked_s=now, known=known))
        except StreamError as error:
            log.debug("glance failed", view=str(view.key), error=str(error))
            self._finished(view.key, now)
        except Exception:
            log.exception("glance failed unexpectedly", view=str(view.key))
            self._finished(view.key, now)
        finally:
            self._places.release()

    def _enqueue(self, picture: Observation, timeout_s: float = 0.0) -> None:
        """Let a picture wait for the judge; one that finds no place in time is counted."""
        self._metrics.decoded.labels(picture.view.camera_id).inc()
        if not self._pictures.put(picture, timeout_s):
            self._metrics.dropped.inc()
            if not picture.looking:
                self._finished(picture.view, picture.asked_s)

    def _finished(self, view: ViewKey, started_s: float) -> None:
        with self._schedule_lock:
            self._scheduler.finished(view, started_s)

    # looks

    def _grant_looks(self, now: float) -> None:
        with self._looks_lock:
            orders = self._looks.grant(now)
            pressure = self._looks.pressure(now)
        self._metrics.looks_running.set(pressure.running)
        self._metrics.looks_waiting.set(pressure.waiting)
        self._metrics.look_wait_s.set(pressure.oldest_wait_s)
        for order in orders:
            thread = threading.Thread(target=self._look, args=(order,), name="look", daemon=True)
            thread.start()

    def _look(self, order: LookOrder) -> None:
        view, seen = self._views[order.view], False
        try:
            if order.back:
                view.look_back(self._stop)
                return
            log.info("look", view=str(order.view), look_s=order.look_s, look_fps=order.look_fps)
            for shot in view.look(order.look_s, order.look_fps, self._stop):
                seen, picture = True, Observation(view.key, shot, True, self._clock())
                self._enqueue(picture, timeout_s=1 / order.look_fps)
        except StreamError as error:
            log.info("look ended early", view=str(order.view), error=str(error))
        except Exception:
            log.exception("look failed unexpectedly", view=str(order.view))
        finally:
            with self._looks_lock:
                self._looks.finished(order, self._clock(), seen=seen)

    # judgement

    def _judge(self) -> None:
        pictures = self._pictures.take(self._settings.batch, timeout_s=0.2)
        if not pictures:
            return
        try:
            for picture, detections in zip(pictures, self._detect(pictures), strict=True):
                if detections is not None:
                    self._judge_one(picture, detections)
        finally:
            for picture in pictures:
                if not picture.looking:
                    self._finished(picture.view, picture.asked_s)

    def _detect(self, pictures: Sequence[Observation]) -> list[Detections | None]:
        """What is known or seen in each picture, None where the detector failed."""
        fresh = [p for p in pictures if p.known is None]
        self._metrics.unchanged.inc(len(pictures) - len(fresh))
        seen: Iterator[Detections | None] = iter(())
        try:
            if fresh:
                with self._metrics.detect_s.time():
                    seen = iter(self._see(fresh))
        except Exception:
            log.exception("detection failed", pictures=len(fresh))
            seen = iter([None] * len(fresh))
        return [next(seen) if p.known is None else p.known for p in pictures]

    def _judge_one(self, picture: Observation, detections: Detections) -> None:
        view = self._views[picture.view]
        try:
            if picture.close is not None:
                view.take_close_up(picture.close, picture.shot, detections)
                return
            with self._metrics.decide_s.time():
                wants = view.judge(picture.shot, detections, picture.looking)
        except Exception:
            log.exception("judgement failed", view=str(view.key))
            return
        if wants is None:
            self._metrics.overtaken.inc()
            return
        if not picture.looking:
            self._metrics.glances.labels(view.key.camera_id).inc()
            age_s = time.time() - picture.shot.captured_at.timestamp()
            self._metrics.picture_age_s.observe(max(0.0, age_s))
        with self._looks_lock:
            if view.wants_look_back:
                self._looks.ask(
                    LookOrder(view.key, _BACK_PRIORITY, 0.0, 0.0, self._clock(), back=True)
                )
            if wants:
                want = wants[0]
                self._looks.ask(
                    LookOrder(view.key, want.priority, want.look_s, want.look_fps, self._clock())
                )
            else:
                starved = self._looks.forget(view.key, self._clock())
                self._metrics.looks_starved.inc(starved)
