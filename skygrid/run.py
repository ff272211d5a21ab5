"""`skygrid run`: a patrol in the foreground, with a live table or log lines, until SIGTERM."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.live import Live

from api.texts import Texts
from pipeline.ledger.errors import LedgerError
from pipeline.ledger.types import Incident
from pipeline.site.settings import Site
from skygrid.live import CameraLine, IncidentLine, screen
from skygrid.logging import log_to_file, log_to_stderr
from skygrid.patrol import Patrol

_SHOWN = 12
_REFRESH_S = 1.0


def run_site(site: Site, *, plain: bool) -> int:
    """Patrol until SIGINT or SIGTERM; returns the exit code.

    Args:
        site: What to patrol.
        plain: Log lines on stderr instead of a live table; always so without a terminal.
    """
    console = Console()
    plain = plain or not console.is_terminal
    if plain:
        log_to_stderr()
    else:
        log_to_file(site.data_dir / "patrol.log")
    with stop_on_signals() as stop, Patrol(site) as patrol:
        if plain:
            stop.wait()
        else:
            show_until(patrol, stop, console)
    return 0


def show_until(patrol: Patrol, stop: threading.Event, console: Console) -> None:
    """Keep the live table on the terminal until `stop`."""
    with Live(console=console, refresh_per_second=2, screen=False) as live:
        while not stop.is_set():
            live.update(screen(camera_lines(patrol), incident_lines(patrol), foot(patrol)))
            stop.wait(_REFRESH_S)


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; a second SIGINT ends the process at once."""
    stop = threading.Event()

    def asked(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            sys.exit(130)
        stop.set()

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def camera_lines(patrol: Patrol) -> list[CameraLine]:
    """One line per camera as it is now."""
    lines = []
    for view in patrol.worker.views:
        health, watch = view.camera.health, view.state()
        lines.append(
            CameraLine(
                camera_id=str(view.key) if view.key.view_id != "main" else view.key.camera_id,
                state=health.state.value,
                reason=health.reason,
                glances_per_s=watch.glances_per_s,
                delay_s=watch.delay_s,
                open_incidents=watch.open_sightings,
                incidents=watch.found,
            )
        )
    return lines


def incident_lines(patrol: Patrol) -> list[IncidentLine]:
    """The newest incidents of the ledger."""
    try:
        return [incident_line(i) for i in patrol.parts.ledger.recent(_SHOWN)]
    except LedgerError:
        return []


def incident_line(incident: Incident) -> IncidentLine:
    """One incident in one line, with its strongest reasons in plain words."""
    strongest = sorted(incident.reasons, key=lambda r: -abs(r.weight))[:2]
    why = "; ".join(Texts().reason("en", r.code, r.detail) for r in strongest)
    return IncidentLine(
        time=f"{incident.started_at.astimezone():%H:%M:%S}",
        phase="ended" if incident.ended_at else "started",
        type=f"{incident.type}/{incident.subtype}" if incident.subtype else incident.type,
        where=f"{incident.view.camera_id} {incident.zone_id}",
        severity=incident.severity,
        why=why,
    )


def foot(patrol: Patrol) -> str:
    """Totals: model, queue, stretch."""
    relay, stretch = patrol.parts.relay.status, patrol.worker.stretch
    queue = "queue up" if relay.up else f"queue down, {relay.pending} events wait"
    if relay.up is None:
        queue = "queue not asked yet"
    return (
        f"{patrol.parts.detector.model_id} · {queue} · {relay.published} events published · "
        f"glance stretch {stretch:.2f} · http://{patrol.site.monitor.host}:{patrol.monitor.port}"
    )
