"""`skygrid demo`: sample clips as RTSP cameras, a real patrol on them, and the review page.

Nothing is told to the patrol but the cameras and their zones; what is true of each clip is used
afterwards, to say what was found and what was not.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from ruamel.yaml import YAML

from api.texts import Texts
from pipeline.events.message import IncidentEvent
from pipeline.site.load import load_site
from pipeline.site.settings import Site
from sample_videos.demo import Box, DemoCamera, demo_cameras, demo_grid
from skygrid.listen import listen
from skygrid.logging import log_to_file
from skygrid.patrol import Patrol
from skygrid.run import show_until, stop_on_signals
from streams.serve import RtspServer

_RUNS_KEPT = 3
_MARKER = "skygrid-demo"
_READY_S = 30.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line asks of the demo.

    Attributes:
        seconds: Stop after so long; None: until interrupted.
        json_file: Where to write what was found.
        folder: Each run keeps its data in a folder of its own below.
        port: Of the review page, 0 for any free one.
    """

    seconds: float | None
    json_file: Path | None
    folder: Path
    port: int


@dataclass(frozen=True, slots=True)
class Found:
    """One event as the demo's own consumer read it from the queue.

    `delay_s` is from the arrival of the picture behind the event to the event's arrival here.
    """

    time: str
    camera: str
    type: str
    subtype: str | None
    phase: str
    zone: str
    confidence: float
    why: tuple[str, ...]
    clip: str | None
    incident_id: str
    delay_s: float
    box: Box


def run_demo(options: DemoOptions, console: Console) -> int:
    """Run the demo; returns the exit code: 0 unless a part failed."""
    cameras = demo_cameras()
    run = _new_run(options.folder)
    log_to_file(run / "patrol.log")
    port = options.port or _free_port()
    found: list[Found] = []
    with stop_on_signals() as stop, RtspServer({c.name: c.clip for c in cameras}) as server:
        site = _site(run, cameras, server, port)
        with Patrol(site) as patrol, _review_page(run, port, console):
            _announce(site, console)
            reader = threading.Thread(
                target=_read_queue, args=(patrol.parts.redis_url, found, stop), daemon=True
            )
            reader.start()
            _end_after(options.seconds, stop, console)
            if console.is_terminal:
                show_until(patrol, stop, console)
            else:
                stop.wait()
            report = _report(patrol, cameras, found)
        reader.join(timeout=3)
    _show(report, cameras, console)
    if options.json_file is not None:
        options.json_file.parent.mkdir(parents=True, exist_ok=True)
        options.json_file.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    return 0


def _new_run(folder: Path) -> Path:
    """A fresh folder for this run; of the earlier ones the newest few are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    runs = sorted(p.parent for p in folder.glob(f"run-*/{_MARKER}"))
    for old in runs[: max(0, len(runs) - _RUNS_KEPT + 1)]:
        shutil.rmtree(old, ignore_errors=True)
    run = folder / f"run-{datetime.now().astimezone():%Y%m%d-%H%M%S-%f}"
    run.mkdir()
    (run / _MARKER).touch()
    return run


def _site(run: Path, cameras: Sequence[DemoCamera], server: RtspServer, port: int) -> Site:
    """The demo's site file, written down for the curious and read back as any other."""
    content: dict[str, Any] = {
        "site": "demo",
        "data_dir": "data",
        "grid": {"path": "grid.geojson"},
        "monitor": {"port": 0},
        "review": {"port": port, "public_url": f"http://localhost:{port}"},
        "cameras": [
            {
                "id": c.name,
                "name": c.title,
                "url": server.url(c.name),
                "position": c.position,
                "zones": c.zones,
            }
            for c in cameras
        ],
    }
    (run / "grid.geojson").write_text(json.dumps(demo_grid(), ensure_ascii=False), "utf-8")
    path = run / "site.yaml"
    with path.open("w", encoding="utf-8") as stream:
        YAML().dump(content, stream)
    return load_site(path, environment=os.environ)


class _review_page:  # noqa: N801 - used as a verb in a with statement
    """The review server as a child process; the patrol goes on without it if it fails."""

    def __init__(self, run: Path, port: int, console: Console) -> None:
        self._token = secrets.token_urlsafe(24)
        self._run, self._port, self._console = run, port, console
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> None:
        log = (self._run / "review.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "skygrid", "serve", str(self._run / "site.yaml")],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "SKYGRID_LINK_TOKEN": self._token},
        )
        log.close()
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                probe.settimeout(0.5)
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    url = f"http://localhost:{self._port}/welcome/{self._token}"
                    self._console.print(f"review page  {url}", highlight=False, soft_wrap=True)
                    return
            time.sleep(0.2)
        self._console.print(f"[red]the review page did not start:[/] see {self._run}/review.log")

    def __exit__(self, *_error: object) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _announce(site: Site, console: Console) -> None:
    console.print(f"data         {site.data_dir}", highlight=False, soft_wrap=True)
    console.print(f"cameras      {', '.join(c.id for c in site.cameras)}", highlight=False)


def _read_queue(redis_url: str, found: list[Found], stop: threading.Event) -> None:
    """The far end of the patrol: a consumer of the Redis stream, as a dispatch system has it."""
    texts = Texts()

    def take(event: IncidentEvent) -> None:
        data = event.data
        found.append(
            Found(
                time=event.time.isoformat(),
                camera=data.camera,
                type=data.incident_type,
                subtype=data.subtype,
                phase=data.phase,
                zone=data.zone,
                confidence=data.confidence,
                why=tuple(texts.reason("en", r.code, r.detail) for r in data.reasons),
                clip=next((e.path for e in data.evidence if e.kind == "clip"), None),
                incident_id=str(data.incident_id),
                box=data.sightings[0].box_norm,
                delay_s=round((datetime.now(UTC) - data.updated_at).total_seconds(), 2),
            )
        )

    listen(redis_url, "demo", "demo", on_event=take, from_start=True, stop=stop)


def _end_after(seconds: float | None, stop: threading.Event, console: Console) -> None:
    if seconds is None:
        return

    def count_down() -> None:
        with Progress(console=console, transient=True, disable=console.is_terminal) as progress:
            task = progress.add_task("patrolling", total=seconds)
            for _ in range(max(1, round(seconds))):
                if stop.wait(min(1.0, seconds)):
                    return
                progress.advance(task)
        stop.set()

    threading.Thread(target=count_down, daemon=True).start()


def _report(patrol: Patrol, cameras: Sequence[DemoCamera], found: list[Found]) -> dict[str, Any]:
    """What was found, against what is true of each clip."""
    started = [f for f in found if f.phase == "started"]
    expected = [
        {
            "camera": c.name,
            "type": kind,
            "found": any(_answers(f, c.name, kind, place) for f in started),
        }
        for c in cameras
        for kind, place in c.expected
    ]
    truth = [(c.name, kind, place) for c in cameras for kind, place in c.expected]
    wrong = [f for f in started if not any(_answers(f, *t) for t in truth)]
    return {
        "model": patrol.parts.detector.model_id,
        "data_dir": str(patrol.site.data_dir),
        "expected": expected,
        "queue_delay_s": _quantiles([f.delay_s for f in started]),
        "not_expected": [asdict(f) for f in wrong],
        "events": [asdict(f) for f in found],
    }


def _answers(found: Found, camera: str, kind: str, place: Box) -> bool:
    """True when an event is about this camera and type, and its place touches the true one."""
    x1, y1, x2, y2 = found.box
    touches = x1 < place[2] and place[0] < x2 and y1 < place[3] and place[1] < y2
    return (found.camera, found.type) == (camera, kind) and touches


def _quantiles(values: list[float]) -> dict[str, float | int | None]:
    """Median and 95th percentile of what was measured, None for none."""
    if not values:
        return {"n": 0, "p50": None, "p95": None}
    p50, p95 = np.percentile(values, (50, 95))
    return {"n": len(values), "p50": round(float(p50), 2), "p95": round(float(p95), 2)}


def _show(report: dict[str, Any], cameras: Sequence[DemoCamera], console: Console) -> None:
    table = Table(
        "camera", "what happens in the clip", "found in the queue", title="the demo's result"
    )
    titles = {c.name: c.title for c in cameras}
    for row in report["expected"]:
        mark = "[green]yes[/]" if row["found"] else "[red]no: not seen well enough[/]"
        table.add_row(f"{row['camera']} ({titles[row['camera']]})", row["type"], mark)
    for row in report["not_expected"]:
        table.add_row(row["camera"], "nothing of this kind there", f"[red]wrong: {row['type']}[/]")
    console.print(table)
    delay = report["queue_delay_s"]
    console.print(
        f"{len(report['events'])} events read from the queue; "
        f"from picture to queue p50 {delay['p50']} s, p95 {delay['p95']} s; model {report['model']}"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
