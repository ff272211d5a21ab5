"""What people see of a running patrol, and what they tell it: health, stills, zones, verdicts.

Runs in a thread of its own, writes files and rows; a fault here never stops the patrol.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import cv2
import structlog

from models.errors import ModelError
from pipeline.confirm import Rejection, ViewMemory
from pipeline.engine.watch import STILL_S, UNWATCHED_STILL_S, WatchedView
from pipeline.engine.watch import Still as WatchStill
from pipeline.feedback import ViewMemory as VerdictStore
from pipeline.feedback import ViewVerdict
from pipeline.geometry.calibration import Calibration
from pipeline.status import CameraStatus, PresetFault, StatusWriter
from pipeline.stills import Still, StillBox
from pipeline.tour.values import FaultKind, Stage, TourFault
from pipeline.types import IncidentType, ViewKey
from pipeline.zone_store import ZoneStore, ZoneVersion
from skygrid.cards import camera_card
from skygrid.errors import PatrolError
from skygrid.hands import Hands
from skygrid.health import health_report, words
from streams.health import HealthState

if TYPE_CHECKING:
    from skygrid.patrol import Patrol

log = structlog.get_logger(__name__)

_EVERY_S = 1.0
_STATUS_EVERY_S = 5.0
_PROBE_EVERY_S = 30.0
_BACKGROUND_EVERY_S = 600.0
_JPEG_QUALITY = 80


class Desk:
    """Between the patrol and the database's other readers; see the module's docstring."""

    def __init__(self, patrol: Patrol) -> None:
        self._patrol = patrol
        engine = patrol.parts.engine
        self._status = StatusWriter(engine)
        self._zones = ZoneStore(engine)
        self._verdicts = VerdictStore(engine)
        self._known_zones: dict[ViewKey, int] = {}
        self._refused: dict[ViewKey, str] = {}
        self._placed: dict[ViewKey, Calibration] = {}
        self._memories: dict[ViewKey, list[ViewVerdict]] = {}
        self._last_verdict = 0
        self._told: dict[str, tuple[str, float]] = {}
        self._stills: dict[ViewKey, float] = {}
        self._told_faults: dict[ViewKey, FaultKind] = {}
        self._by_hand: dict[str, float] = {}
        self._hands = Hands(engine, patrol.eagles)
        self._probed_s = 0.0
        self._keep_at_s: dict[ViewKey, float] = {}

    def run(self, stop: threading.Event) -> None:
        """Work every second until `stop`; every fault is logged and tried again."""
        ready = False
        while not stop.is_set():
            try:
                self._gauges()
                if not ready:
                    self._register_cameras()
                    ready = True
                self._round()
            except Exception:
                log.exception("desk round failed")
                stop.wait(_STATUS_EVERY_S)
            stop.wait(_EVERY_S)
        self._keep_backgrounds(self._patrol.worker.views)

    def obey_hands(self) -> None:
        """Know whose hand holds a head, before any head is moved; raises LedgerError."""
        self._hands.obey()

    def health(self) -> dict[str, Any]:
        """The report behind /healthz: "ok", or "degraded" with the parts that are not well.

        "down" when a part has ended for good.
        """
        return health_report(self._patrol, self._refused)

    def _register_cameras(self) -> None:
        """Tell where the cameras stand and what they see, as their calibrations in force say."""
        grounds = self._patrol.grounds
        self._placed = dict(grounds)
        self._status.register([camera_card(c, grounds.locator) for c in self._patrol.site.cameras])

    def _round(self) -> None:
        if dict(self._patrol.grounds) != self._placed:
            self._register_cameras()
        self._hands.obey()
        self._write_status()
        self._tell_faults()
        self._take_zones()
        self._take_verdicts()
        every_s = STILL_S if self._patrol.stills.is_watched() else UNWATCHED_STILL_S
        for view in self._patrol.worker.views:
            view.still_every_s = every_s
            self._write_still(view)
        self._keep_backgrounds(self._due_backgrounds())
        if time.monotonic() - self._probed_s > _PROBE_EVERY_S:
            self._probed_s = time.monotonic()
            self._patrol.parts.store.probe()

    def _gauges(self) -> None:
        patrol, metrics = self._patrol, self._patrol.metrics
        metrics.worst_wait.set(patrol.worker.worst_wait())
        relay = patrol.parts.relay.status
        metrics.outbox_pending.set(relay.pending)
        metrics.outbox_oldest_s.set(relay.oldest_age_s(datetime.now(UTC)))
        recorder = patrol.parts.recorder.status
        metrics.spooled.set(recorder.spooled)
        metrics.held.set(recorder.held)
        metrics.lost.set(recorder.lost)
        for clock in patrol.parts.clocks.latest:
            metrics.clock_offset_s.labels(clock.camera_id).set(clock.offset_s)

    def _write_status(self) -> None:
        now = time.monotonic()
        due: list[CameraStatus] = []
        for camera_id, views in _by_camera(self._patrol.worker.views).items():
            state, reason, since_s = self._state_of(camera_id)
            told, told_s = self._told.get(camera_id, ("", float("-inf")))
            if told == state and now - told_s < _STATUS_EVERY_S:
                continue
            watches = [view.state() for view in views]
            delay_s = max((w.delay_s for w in watches if w.delay_s is not None), default=0.0)
            due.append(
                CameraStatus(
                    camera_id,
                    state,
                    reason,
                    since_s,
                    sum(watch.glances_per_s for watch in watches),
                    [_preset_fault(fault) for fault in self._faults_of(camera_id)],
                    {
                        "delay_s": delay_s,
                        "open_sightings": sum(watch.open_sightings for watch in watches),
                    },
                )
            )
        self._status.write(due)
        self._told.update({status.camera_id: (status.state, now) for status in due})

    def _state_of(self, camera_id: str) -> tuple[str, str, float]:
        """State, reason and since when; the tour speaks when the camera itself is well."""
        health = self._patrol.fleet[camera_id].health
        if health.state is not HealthState.OK:
            return health.state.value, health.reason, health.since_s
        eagle = next((e for e in self._patrol.eagles if e.tour.camera_id == camera_id), None)
        if eagle is not None and eagle.tour.stage is Stage.BY_HAND:
            since_s = self._by_hand.setdefault(camera_id, time.time())
            return Stage.BY_HAND.value, "" if eagle.held_by else "somebody moves the head", since_s
        self._by_hand.pop(camera_id, None)
        faults = self._faults_of(camera_id)
        if not faults:
            return health.state.value, health.reason, health.since_s
        first = min(faults, key=lambda fault: fault.timestamp_s)
        told = "; ".join(f"{fault.view.view_id}: {words(fault)}" for fault in faults)
        return first.kind.value, told, first.timestamp_s

    def _faults_of(self, camera_id: str) -> list[TourFault]:
        return [f for e in self._patrol.eagles if e.tour.camera_id == camera_id for f in e.faults]

    def _tell_faults(self) -> None:
        """Each new fault of a preset is a health event in the feed, once."""
        standing = {f.view: f for e in self._patrol.eagles for f in e.faults}
        for view, fault in standing.items():
            if self._told_faults.get(view) is not fault.kind:
                self._status.fault(view, fault.kind.value, words(fault), fault.instead)
        self._told_faults = {view: fault.kind for view, fault in standing.items()}

    def _take_zones(self) -> None:
        """Take over zones and ground points that somebody saved in the page."""
        for key, version in self._zones.versions().items():
            if self._known_zones.get(key) == version:
                continue
            view = next((v for v in self._patrol.worker.views if v.key == key), None)
            if view is not None:
                self._adopt(view, self._zones.current(key))
            self._known_zones[key] = version

    def _adopt(self, view: WatchedView, saved: ZoneVersion) -> None:
        """Watch a view for other zones, or say in `health` why that cannot be."""
        self._refused.pop(view.key, None)
        try:
            ground = saved.calibration
            moved = ground is not None and self._patrol.grounds.calibrate(view.key, ground)
            zones = self._patrol.checked_zones(saved)
        except (PatrolError, ModelError, ValueError) as error:
            self._refused[view.key] = str(error)
            log.warning("zones refused", view=str(view.key), reason=str(error))
            return
        if moved:
            log.info("ground points taken over", view=str(view.key), version=saved.version)
        if zones == view.zones and not moved:
            return
        log.info("zones taken over", view=str(view.key), version=saved.version)
        view.replan(self._patrol.plan_for(view.key, zones))
        self._patrol.worker.retime(view.key)

    def _take_verdicts(self) -> None:
        """Take over what operators rejected: their places get a higher bar."""
        news = self._verdicts.after(self._last_verdict)
        if not news:
            return
        self._last_verdict = news[-1].number
        for verdict in news:
            self._memories.setdefault(verdict.view, []).append(verdict)
        for view in self._patrol.worker.views:
            if any(v.view == view.key for v in news):
                view.pipeline.confirmation.memory = memory_of(self._memories[view.key])

    def _due_backgrounds(self) -> list[WatchedView]:
        """A few views at a time: one takes 25 ms to pack, hundreds would hold all else up."""
        now_s, views = time.monotonic(), self._patrol.worker.views
        for number, view in enumerate(views, start=1):
            first_s = now_s + _BACKGROUND_EVERY_S * number / len(views)
            self._keep_at_s.setdefault(view.key, first_s)
        due = [view for view in views if self._keep_at_s[view.key] <= now_s]
        self._keep_at_s.update({view.key: now_s + _BACKGROUND_EVERY_S for view in due})
        return due

    def _keep_backgrounds(self, views: Sequence[WatchedView]) -> None:
        """Keep what views look like without anything new: a restart must not learn a stall."""
        for view in views:
            state = view.background()
            if state:
                path = background_file(self._patrol.site.data_dir, view.key)
                path.parent.mkdir(parents=True, exist_ok=True)
                _replace(path, state)

    def _write_still(self, view: WatchedView) -> None:
        still = view.still()
        if still is None or self._stills.get(view.key) == still.frame.timestamp_s:
            return
        self._stills[view.key] = still.frame.timestamp_s
        done, data = cv2.imencode(
            ".jpg", still.frame.image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        )
        if done:
            shown = Still(bytes(data), still.size, still.frame.captured_at, _boxes(still))
            self._patrol.stills.write(view.key, shown)


def _preset_fault(fault: TourFault) -> PresetFault:
    return PresetFault(
        fault.view.view_id,
        fault.kind.value,
        fault.detail,
        fault.instead,
        fault.timestamp_s,
        fault.picture is not None and fault.reference is not None,
    )


def _by_camera(views: Sequence[WatchedView]) -> dict[str, list[WatchedView]]:
    grouped: dict[str, list[WatchedView]] = {}
    for view in views:
        grouped.setdefault(view.key.camera_id, []).append(view)
    return grouped


def background_file(data_dir: Path, view: ViewKey) -> Path:
    """Where a view's background is kept."""
    return data_dir / "backgrounds" / view.camera_id / f"{view.view_id}.bin"


def memory_of(verdicts: list[ViewVerdict]) -> ViewMemory:
    """Rejections that still stand: a later verdict on the same incident's place replaces one."""
    standing: dict[tuple[str, str, tuple[float, ...]], ViewVerdict] = {}
    for verdict in verdicts:
        standing[verdict.zone_id, verdict.type, tuple(verdict.xyxy_norm)] = verdict
    return ViewMemory(
        tuple(
            Rejection(
                cast(IncidentType, v.type),
                v.zone_id,
                v.xyxy_norm,
                datetime.fromtimestamp(v.at, UTC),
            )
            for v in standing.values()
            if v.verdict == "rejected"
        )
    )


def _boxes(still: WatchStill) -> list[StillBox]:
    width, height = still.size
    return [
        StillBox(
            (t.xyxy[0] / width, t.xyxy[1] / height, t.xyxy[2] / width, t.xyxy[3] / height),
            t.label,
            t.confidence,
        )
        for t in still.tracks
    ]


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    os.replace(part, path)
