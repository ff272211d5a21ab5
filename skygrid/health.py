"""What is not well in a running patrol, part by part, in words for an operator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.engine.looks import STARVED_OVER_S
from pipeline.tour.values import TourFault
from pipeline.types import ViewKey
from streams.health import HealthState

if TYPE_CHECKING:
    from skygrid.patrol import Patrol

_STRETCHED = 1.5
_LONG_WAIT_S = 30.0
_MANY_STARVED = 3
"""Looks of the last five minutes that never began; one or two may be chance."""


def health_report(patrol: Patrol, refused: Mapping[ViewKey, str]) -> dict[str, Any]:
    """The report behind /healthz: "ok", or "degraded" with the parts that are not well.

    "down" when a part has ended for good.

    Args:
        patrol: The patrol.
        refused: Why zones of a view were not taken over.
    """
    troubles: dict[str, str] = {}
    for camera_id, health in patrol.fleet.health().items():
        if health.state not in (HealthState.OK, HealthState.ENDED):
            troubles[f"camera {camera_id}"] = f"{health.state.value}: {health.reason}"
    for eagle in patrol.eagles:
        for fault in eagle.faults:
            troubles[f"preset {fault.view}"] = f"{fault.kind.value}: {words(fault)}"
    relay, recorder = patrol.parts.relay.status, patrol.parts.recorder.status
    if relay.up is False:
        troubles["queue"] = f"{relay.pending} events wait: {relay.reason}"
    if not recorder.up:
        troubles["ledger"] = (
            f"{recorder.spooled} sightings wait on disk and {recorder.held} in memory: "
            f"{recorder.reason}"
        )
    if recorder.lost:
        troubles["sightings"] = f"{recorder.lost} were lost, see the log"
    if not patrol.parts.store.state.available:
        troubles["evidence"] = patrol.parts.store.state.reason
    if patrol.worker.stretch > _STRETCHED:
        troubles["glances"] = f"all periods are stretched {patrol.worker.stretch:.1f} times"
    pressure = patrol.worker.look_pressure()
    if pressure.waiting and pressure.oldest_wait_s > _LONG_WAIT_S:
        troubles["looks"] = f"{pressure.waiting} suspicions wait, {pressure.oldest_wait_s:.0f} s"
    if pressure.starved >= _MANY_STARVED:
        troubles["starved looks"] = (
            f"{pressure.starved} suspicions of the last {STARVED_OVER_S / 60:.0f} minutes "
            f"were gone before there was time to look"
        )
    for clock in patrol.parts.clocks.latest:
        if clock.too_far:
            troubles[f"clock {clock.camera_id}"] = (
                f"{clock.offset_s:+.0f} s against cameras that saw the same: set it by hand"
            )
    for key, why in patrol.grounds.troubles.items():
        troubles[f"ground points {key}"] = why
    for key, why in refused.items():
        troubles[f"zones {key}"] = f"not taken over: {why}"
    dead = patrol.dead_threads
    for name in dead:
        troubles[f"thread {name}"] = "has ended; the patrol must be started again"
    return {
        "status": "down" if dead else "degraded" if troubles else "ok",
        "cameras": len(patrol.site.cameras),
        "model": patrol.parts.detector.model_id,
        "troubles": troubles,
    }


def words(fault: TourFault) -> str:
    """What is wrong with a preset, in one sentence."""
    return f"{fault.detail}; it shows {fault.instead}" if fault.instead else fault.detail
