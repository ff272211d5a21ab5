"""Wires a site into a running patrol: the one place that chooses implementations."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from types import TracebackType

import cv2
import structlog

from models.load import load_crowd_counter, load_detector
from pipeline.confirm import Origin
from pipeline.engine.camera_metrics import CameraCollector
from pipeline.engine.counting import CrowdCounting
from pipeline.engine.eagle import EagleEye, EaglePorts
from pipeline.engine.lookback import LookBack
from pipeline.engine.metrics import PatrolMetrics
from pipeline.engine.preset import PresetView
from pipeline.engine.publisher import Publisher
from pipeline.engine.seeing import Sight
from pipeline.engine.watch import WatchedView
from pipeline.engine.worker import Worker
from pipeline.ledger.errors import LedgerError
from pipeline.queue.errors import BusError
from pipeline.queue.lock import DataDirLock
from pipeline.site.settings import CameraSettings, Site, ViewSettings
from pipeline.stills import StillWriter
from pipeline.types import ViewKey
from pipeline.view_pipeline import ViewPipeline, ViewPlan
from pipeline.zone_store import ZoneStore, ZoneVersion
from pipeline.zones import Zone
from skygrid.desk import Desk, background_file
from skygrid.eagles import fault_reporter, make_eagle
from skygrid.grounds import Grounds
from skygrid.memory import keep_freed_memory
from skygrid.monitor import Monitor
from skygrid.options import (
    camera_options,
    clip_settings,
    refuse_blind_rules,
    reopens_since,
    smallest_objects,
    visit_gap_s,
    worker_settings,
)
from skygrid.parts import open_parts, retention
from streams.fleet import CameraFleet

log = structlog.get_logger(__name__)

_CLOCKS_FROM = 2000
_STOP_S = 4.0
_JOIN_S = 0.7
_AFTER_PUBLISHER_S = 1.0


class Patrol:
    """A site on patrol between `__enter__` and `__exit__`.

    Raises on entry:
        ZoneCannotBeSeen: A rule needs a class that the detector does not know.
        DataDirInUse: Another patrol uses the data directory.
        Errors of the parts: no such weight, the database cannot be opened, …
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.metrics = PatrolMetrics()
        self.fleet = CameraFleet()
        self.metrics.registry.register(CameraCollector(lambda: self.fleet.cameras))
        self._threads: list[threading.Thread] = []
        self._early_stops: list[threading.Event] = []
        self._stack = ExitStack()
        self._stops_by_s = float("inf")

    def __enter__(self) -> Patrol:
        try:
            self._open()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        log.info("patrol stops")
        began_s = time.monotonic()
        self._close()
        log.info("patrol stopped", seconds=round(time.monotonic() - began_s, 1))

    def _close(self) -> None:
        """Stop everything within `_STOP_S`; what waits for cameras and heads learns it first."""
        self._stops_by_s = time.monotonic() + _STOP_S
        self.fleet.request_stop()
        for stop in self._early_stops:
            stop.set()
        self._stack.close()

    def _left_s(self, most_s: float = _JOIN_S) -> float:
        """Seconds that the next part may take to stop: its share of what is left for all."""
        return max(0.05, min(most_s, self._stops_by_s - time.monotonic()))

    @property
    def dead_threads(self) -> tuple[str, ...]:
        """Names of threads that ended although the patrol runs."""
        ended = tuple(t.name for t in self._threads if not t.is_alive())
        return () if self._stops_by_s < float("inf") else ended + self.worker.dead_threads

    def _open(self) -> None:
        keep_freed_memory()
        cv2.setNumThreads(1)  # for pictures this small, more threads cost more than they save
        site = self.site
        site.data_dir.mkdir(parents=True, exist_ok=True)
        self._stack.enter_context(DataDirLock(site.data_dir))
        detector = load_detector(site.detector)
        self._stack.callback(detector.close)
        for camera in site.cameras:
            for view in camera.watched:
                refuse_blind_rules(camera.id, view.zones, detector.labels)
        self.parts = open_parts(site, detector, self._stack)
        with suppress(LedgerError):  # what still waits then is known to `open_sightings`
            self.parts.recorder.flush()
        clocks = self.parts.clocks
        clocks.rebuild(self.parts.ledger.recent(_CLOCKS_FROM))
        self.grounds = Grounds(site)
        self.publisher = Publisher(
            self.parts.recorder,
            self.parts.store,
            self.grounds.locator.place,
            self.metrics,
            clip_settings(site),
            learn=clocks.learn,
        )
        for c in site.cameras:
            self.fleet.add(c.id, c.url.get_secret_value(), camera_options(c), start=False)
        self._count = CrowdCounting(lambda: load_crowd_counter(site.detector, site.crowd))
        sight = Sight(detector, smallest_objects(site, self.grounds.gauges))
        self._look_back = LookBack(sight.see, detector.labels, detector.thresholds)
        views = {c.id: [self._view(c, v) for v in c.watched] for c in site.cameras}
        every = [view for of_camera in views.values() for view in of_camera]
        sight.watch(every)
        self.worker = Worker(every, sight, self.metrics, worker_settings(site))
        self.stills = StillWriter(site.data_dir / "stills")
        self.eagles = tuple(self._eagle(c, views[c.id]) for c in site.cameras if c.tour is not None)
        self.desk = Desk(self)
        self._start()

    def _start(self) -> None:
        """Start from the queue backwards, so that nothing is produced before it can be taken."""
        self._background("relay", self.parts.relay.run, wake=self.parts.relay.ring)
        self._stack.callback(self._drain)
        self._background("recorder", self.parts.recorder.run)
        self._background("retention", retention(self.site, self.parts).run)
        self.publisher.start()
        self._stack.callback(
            lambda: self.publisher.stop(self._left_s(_STOP_S) - _AFTER_PUBLISHER_S)
        )
        monitor = self.site.monitor
        self.monitor = self._stack.enter_context(
            Monitor((monitor.host, monitor.port), self.metrics.registry, self.desk.health)
        )
        part = self.site.data_dir / "monitor.port.part"
        part.write_text(str(self.monitor.port))
        part.replace(part.with_suffix(""))
        self.fleet.start()
        self._stack.callback(lambda: self.fleet.stop(self._left_s()))
        self.worker.start()
        self._stack.callback(lambda: self.worker.stop(self._left_s()))
        self.desk.obey_hands()
        for eagle in self.eagles:
            self._early_stops.append(self._background(f"eagle {eagle.tour.camera_id}", eagle.run))
        self._early_stops.append(self._background("desk", self.desk.run))
        log.info("patrol runs", cameras=len(self.site.cameras), model=self.parts.detector.model_id)

    def _background(
        self,
        name: str,
        work: Callable[[threading.Event], None],
        wake: Callable[[], None] = lambda: None,
    ) -> threading.Event:
        """Run `work` in a thread until the patrol closes; returns what stops it.

        `wake` is called once it has been told to stop, should it sleep on something else.
        """
        stop = threading.Event()
        thread = threading.Thread(target=work, args=(stop,), name=name, daemon=True)
        thread.start()
        self._threads.append(thread)
        self._stack.callback(lambda: thread.join(self._left_s()))
        self._stack.callback(wake)
        self._stack.callback(stop.set)
        return stop

    def _drain(self) -> None:
        """Publish what the last moments brought; what the queue cannot take now waits on disk."""
        relay = self.parts.relay
        if relay.status.up is False:
            return
        with suppress(BusError, LedgerError):
            relay.drain(self._left_s())

    def _view(self, camera: CameraSettings, view: ViewSettings) -> WatchedView:
        key = ViewKey(camera.id, view.id)
        zones = self._zones_in_force(key, view.zones)
        made = PresetView if camera.tour is not None else WatchedView
        return made(
            key,
            self.fleet[camera.id],
            self._pipeline(key, zones),
            zones,
            publish=self.publisher.publish,
            count=self._count,
            glance_period_s=view.glance_period_s,
            unchanged_s=self.site.worker.unchanged_s,
            look_back=None if camera.tour is not None else self._look_back,
        )

    def _eagle(self, settings: CameraSettings, views: Sequence[WatchedView]) -> EagleEye:
        ports = EaglePorts(
            self.worker.offer,
            fault_reporter(self.stills, self.metrics),
            lambda: self.worker.stretch,
            self.site.zone_info,
        )
        presets = {view.key.view_id: view for view in views if isinstance(view, PresetView)}
        return make_eagle(self.site, settings, self.fleet[settings.id], presets, ports)

    def _zones_in_force(self, key: ViewKey, of_file: Sequence[Zone]) -> tuple[Zone, ...]:
        """What was saved in the page since the site file last changed, else the file's zones.

        Ground points that were saved with them are taken over too.
        """
        told = [zone.model_dump(mode="json", by_alias=True) for zone in of_file]
        ground = self.grounds.gauges[key].settings
        said = ground.model_dump(mode="json") if ground is not None else None
        saved = ZoneStore(self.parts.engine).seed(key, told, time.time(), said)
        if saved.calibration is not None:
            self.grounds.calibrate(key, saved.calibration)
        return self.checked_zones(saved)

    def checked_zones(self, saved: ZoneVersion) -> tuple[Zone, ...]:
        """Saved zones, ready to be watched.

        Raises:
            ZoneCannotBeSeen: A rule needs a class that the detector does not know.
            ModelError: The counter that a crowding rule needs cannot be loaded.
            ValueError: They are no zones as this version knows them.
        """
        zones = tuple(Zone.model_validate(zone) for zone in saved.zones)
        refuse_blind_rules(saved.view.camera_id, zones, self.parts.detector.labels)
        self._count.prepare(zones)
        return zones

    def plan_for(self, key: ViewKey, zones: Sequence[Zone]) -> ViewPlan:
        """What a view is watched for."""
        detector = self.parts.detector
        return ViewPlan(
            origin=Origin(self.site.site, key, detector.model_id),
            zones=tuple(zones),
            labels=detector.labels,
            clock=self.site.zone_info,
            gap_s=visit_gap_s(self.site, key),
            gauge=self.grounds.gauges[key],
            thresholds=detector.thresholds,
        )

    def _pipeline(self, key: ViewKey, zones: Sequence[Zone]) -> ViewPipeline:
        """The first pipeline of a view, which takes up what the last run left open."""
        pipeline = ViewPipeline(self.plan_for(key, zones))
        try:
            known = self.parts.recorder.open_sightings(key, ended_since=reopens_since(zones))
            pipeline.restore(known, self._background_of(key))
        except ValueError as error:
            log.warning("background forgotten", view=str(key), reason=str(error))
        return pipeline

    def _background_of(self, key: ViewKey) -> bytes:
        """What the view looked like before the last stop, empty if nobody knows."""
        with suppress(OSError):
            return background_file(self.site.data_dir, key).read_bytes()
        return b""
