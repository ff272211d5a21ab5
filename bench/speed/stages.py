"""CPU time of a patrol by stage: threads by their name, and what the judge does by its calls."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.engine.seeing import Sight
from pipeline.view_pipeline import ViewPipeline
from streams.camera import Camera

STAGES = ("demux", "decode", "convert", "detect", "rules", "evidence", "other")
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_BY_NAME = {
    "camera-": "demux",
    "decode": "decode",
    "every-": "decode",
    "publisher": "evidence",
    "evidence": "evidence",
    "relay": "evidence",
    "recorder": "evidence",
    "desk": "evidence",
}


class StageClock:
    """Counts CPU seconds; `install` it before a patrol starts, in a process of its own."""

    def __init__(self) -> None:
        self._inside: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    def install(self) -> None:
        """Time the calls that share a thread with others."""
        for owner, name, stage in (
            (Sight, "_cut", "convert"),
            (ViewPipeline, "judge", "rules"),
            (Camera, "glance", "glance"),
        ):
            setattr(owner, name, self._timed(getattr(owner, name), stage))

    def read(self) -> dict[str, float]:
        """CPU seconds of this process by stage so far."""
        by_thread: defaultdict[str, float] = defaultdict(float)
        names = {t.native_id: t.name for t in threading.enumerate()}
        for task in Path("/proc/self/task").iterdir():
            by_thread[_stage_of(int(task.name), names)] += _cpu_s(task)
        with self._lock:
            inside = dict(self._inside)
        judge = by_thread.pop("judge", 0.0)
        found = {stage: by_thread.get(stage, 0.0) for stage in STAGES}
        for stage in ("convert", "rules"):
            found[stage] += inside.get(stage, 0.0)
        found["detect"] += max(0.0, judge - inside.get("convert", 0.0) - inside.get("rules", 0.0))
        return found

    def _timed(self, call: Callable[..., Any], stage: str) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            before = time.thread_time()
            try:
                return call(*args, **options)
            finally:
                with self._lock:
                    self._inside[stage] += time.thread_time() - before

        return timed


def _stage_of(task: int, names: dict[int | None, str]) -> str:
    """Threads that Python does not know are those of the inference."""
    name = names.get(task)
    if name is None:
        return "detect"
    if name == "judge":
        return "judge"
    return next((stage for start, stage in _BY_NAME.items() if name.startswith(start)), "other")


def _cpu_s(task: Path) -> float:
    try:
        fields = (task / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * _TICK_S
