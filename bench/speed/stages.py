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
from pipeline.track import Tracker
from pipeline.view_pipeline import ViewPipeline

STAGES = (
    "demux",
    "decode",
    "look",
    "convert",
    "detect",
    "track",
    "rules",
    "evidence",
    "publish",
    "other",
)
SAMPLE_S = 1.0
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_BY_NAME = {
    "camera-": "demux",
    "decode": "decode",
    "every-": "decode",
    "look": "look",
    "judge": "detect",
    "publisher": "evidence",
    "evidence": "evidence",
    "copies": "evidence",
    "retention": "evidence",
    "relay": "publish",
    "recorder": "publish",
}
"""Threads by the start of their name. The judge detects; what else it does is taken off."""

_INSIDE = {"convert": "detect", "track": "detect", "rules": "detect"}
"""Stages that are timed by their calls, and the stage of the thread that they run in."""


class StageClock:
    """Counts CPU seconds; `install` it before a patrol starts, in a process of its own.

    Threads come and go (every look has its own), so they are sampled; what one used between its
    last sample and its end is missing here, and is "other" in the report.
    """

    def __init__(self) -> None:
        self._inside: defaultdict[str, float] = defaultdict(float)
        self._by_stage: defaultdict[str, float] = defaultdict(float)
        self._last: dict[int, float] = {}
        self._sampling = threading.Lock()
        self._adding = threading.Lock()  # held for an instant: the judge must not wait for samples

    def install(self) -> None:
        """Time the calls that share a thread with others, and begin to sample."""
        for owner, name, stage in (
            (Sight, "_cut", "convert"),
            (Tracker, "update", "track"),
            (ViewPipeline, "judge", "rules"),
        ):
            setattr(owner, name, self._timed(getattr(owner, name), stage))
        threading.Thread(target=self._keep_sampling, name="stage-clock", daemon=True).start()

    def read(self) -> dict[str, float]:
        """CPU seconds of this process by stage so far."""
        self._sample()
        with self._sampling:
            found = {stage: self._by_stage[stage] for stage in STAGES}
        with self._adding:
            inside = dict(self._inside)
        inside["rules"] = inside.get("rules", 0.0) - inside.get("track", 0.0)
        for stage, thread_of in _INSIDE.items():
            found[stage] += inside.get(stage, 0.0)
            found[thread_of] -= inside.get(stage, 0.0)
        return found

    def _keep_sampling(self) -> None:
        while True:
            self._sample()
            time.sleep(SAMPLE_S)

    def _sample(self) -> None:
        names = {t.native_id: t.name for t in threading.enumerate()}
        with self._sampling:
            for task in Path("/proc/self/task").iterdir():
                used, number = _cpu_s(task), int(task.name)
                if used is None:
                    continue
                before = self._last.get(number, 0.0)
                is_same = used >= before  # else the number belongs to a new thread now
                self._by_stage[_stage_of(names.get(number))] += used - before * is_same
                self._last[number] = used

    def _timed(self, call: Callable[..., Any], stage: str) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            before = time.thread_time()
            try:
                return call(*args, **options)
            finally:
                with self._adding:
                    self._inside[stage] += time.thread_time() - before

        return timed


def _stage_of(name: str | None) -> str:
    """Threads that Python does not know are those of the inference."""
    if name is None:
        return "detect"
    return next((stage for start, stage in _BY_NAME.items() if name.startswith(start)), "other")


def _cpu_s(task: Path) -> float | None:
    """Seconds of a thread so far, None when it has ended."""
    try:
        fields = (task / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) * _TICK_S
