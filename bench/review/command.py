"""`skygrid bench review` as one call: fill a store, let operators work, look at the page."""

from __future__ import annotations

import http.client
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from api.app import wire
from bench.review.happenings import Plan
from bench.review.load import (
    Server,
    Took,
    add_operators,
    get,
    operate,
    running,
    settings_for,
)
from bench.review.pictures import clip, still_jpeg
from bench.review.store import add_cameras, bulk, record

Json = dict[str, Any]
_CAMERAS = 860
_DAYS = 120.0
_STATISTICS = 7
_WITH_CLIPS = 30


@dataclass(frozen=True, slots=True)
class ReviewBench:
    """What was asked for.

    Attributes:
        incidents: In the store.
        operators: At work at once.
        seconds: Of each round of work.
        presses: Verdicts in the browser; 0 leaves the browser out.
    """

    incidents: int = 100_000
    operators: int = 20
    seconds: float = 20.0
    presses: int = 12


def bench_review(wanted: ReviewBench, say: Callable[[str], None]) -> Json:
    """Run it; times in seconds. Rounds: a second between requests, and none at all."""
    report: Json = {
        "incidents": wanted.incidents,
        "operators": wanted.operators,
        "cores": os.cpu_count(),
        "load_before": os.getloadavg()[0],
    }
    with tempfile.TemporaryDirectory(prefix="skygrid-bench-") as folder:
        say(f"filling a store with {wanted.incidents} incidents")
        settings = settings_for(Path(folder))
        services = wire(settings)
        add_cameras(services.engine, Path(folder), _CAMERAS)
        plan = Plan(wanted.incidents, datetime.now(UTC), cameras=_CAMERAS, days=_DAYS)
        bulk(services.engine, plan)
        services.engine.dispose()
        cookies = add_operators(settings, wanted.operators)
        with running(settings) as server:
            for name, pause_s in (("lists", 1.0), ("lists_without_pause", 0.0)):
                say(f"{wanted.operators} operators, {pause_s:.0f} s between requests")
                report[name] = _figures(operate(server, cookies, wanted.seconds, pause_s))
            say("statistics of 30 days and of everything")
            report["statistics_s"] = _statistics(server, cookies[0])
    if wanted.presses:
        say("the page in Chromium")
        report["page"] = _page(wanted.presses)
    return report


def _figures(took: Took) -> Json:
    values = took.all
    each = {name: _part(sorted(found), 0.95) for name, found in took.seconds.items()}
    return {
        "requests": len(values),
        "failed": took.failed,
        "per_second": round(len(values) / took.wall_s, 1),
        "p50_s": _part(values, 0.5),
        "p95_s": _part(values, 0.95),
        "cpu_each_s": round(took.cpu_s / max(1, len(values)), 5),
        "p95_by_query_s": each,
        "load": os.getloadavg()[0],
    }


def _part(values: list[float], share: float) -> float | None:
    return round(values[min(len(values) - 1, int(len(values) * share))], 4) if values else None


def _statistics(server: Server, cookie: str) -> Json:
    now = datetime.now(UTC)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    found: Json = {}
    for name, days in (("month", 30), ("everything", 400)):
        span = {"since": (now - timedelta(days=days)).isoformat(), "until": now.isoformat()}
        times = []
        cpu = server.cpu_s()
        for _ in range(_STATISTICS):
            began = time.perf_counter()
            status = get(connection, "/api/v1/statistics?" + urlencode(span), cookie)
            times.append(time.perf_counter() - began)
            if status != 200:
                raise RuntimeError(f"statistics must be answered, got {status}")
        times.sort()
        each = (server.cpu_s() - cpu) / _STATISTICS
        found[name] = {
            "median": _part(times, 0.5),
            "max": round(times[-1], 4),
            "cpu_each": round(each, 4),
        }
    return found


def _page(presses: int) -> Json | None:
    if find_spec("playwright") is None:
        return None
    from bench.review.page import measure_page

    with tempfile.TemporaryDirectory(prefix="skygrid-bench-") as name:
        folder = Path(name)
        settings = settings_for(folder)
        services = wire(settings)
        still = still_jpeg()
        add_cameras(services.engine, folder, still=still)
        source = folder / "clip.mp4"
        clip(source)
        count = max(_WITH_CLIPS, presses + 5)
        plan = Plan(count, datetime.now(UTC))
        record(services.engine, settings.evidence_root, plan, source, still)
        services.engine.dispose()
        cookie = add_operators(settings, 1)[0]
        with running(settings) as server:
            found = measure_page(server.port, cookie, presses)
    if found is None:
        return None
    first = list(found.first_frame_s)
    return {
        "first_frame_median_s": _part(first, 0.5),
        "first_frame_p95_s": _part(first, 0.95),
        "first_frame_max_s": round(first[-1], 4),
        "verdicts": len(first),
        "bytes": found.bytes,
        "load": os.getloadavg()[0],
    }
