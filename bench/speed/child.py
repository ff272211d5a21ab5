"""What a measured process says: "ready" once warm, then its counters at every line it is sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psutil  # type: ignore[import-untyped]

from bench.errors import SpeedError

Counters = dict[str, float]

_STOP_S = 10.0


def answer(read: Callable[[], Counters]) -> None:
    """Say that all is warm, then answer every line on stdin with the counters, until it ends."""
    _say("ready")
    for _ in sys.stdin:
        _say(json.dumps(read()))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def own_mib(process: psutil.Process) -> float:
    """Memory that only this process has: not the pages of files, which the system may drop.

    0 for one that has just ended.
    """
    try:
        told = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return 0.0
    fields = dict(line.split(":", 1) for line in told.splitlines())
    return sum(int(fields.get(name, "0").split()[0]) for name in ("RssAnon", "VmSwap")) / 1024


def _levels(counters: Counters) -> Counters:
    return {name: value for name, value in counters.items() if name.endswith("_now")}


@dataclass(frozen=True, slots=True)
class Measured:
    """One window of one process tree.

    Attributes:
        wall_s: Its length.
        cpu_s: CPU of the process and its children.
        own_mib: Memory of their own at its end, see `own_mib`.
        counters: What the process counted within it.
        levels: Its counters at the end that are no counts: names that end in "_now".
    """

    wall_s: float
    cpu_s: float
    own_mib: float
    counters: Counters
    levels: Counters


class Child:
    """A measured process; a context manager."""

    def __init__(self, command: Sequence[str], log: Path, ready_s: float = 300.0) -> None:
        self._command, self._log, self._ready_s = list(command), log, ready_s

    def __enter__(self) -> Child:
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "YOLO_OFFLINE": "true", "PYTHONPATH": path},
            )
        hurry = threading.Timer(self._ready_s, self._process.kill)
        hurry.start()
        try:
            self._until("ready")
        except BaseException:
            self._end()
            raise
        finally:
            hurry.cancel()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def levels(self) -> Counters:
        """Its counters that are no counts, now; raises SpeedError when it has ended."""
        return _levels(self._read())

    def measure(self, seconds: float) -> Measured:
        """Let it work for some seconds.

        Raises:
            SpeedError: It has ended meanwhile.
        """
        first, cpu_s, began_s = self._read(), self._cpu_s(), time.monotonic()
        time.sleep(seconds)
        wall_s, used_s = time.monotonic() - began_s, self._cpu_s() - cpu_s
        last = self._read()
        levels = _levels(last)
        counts = {k: v - first.get(k, 0.0) for k, v in last.items() if k not in levels}
        own = sum(map(own_mib, self._tree()))
        return Measured(wall_s, used_s, own, counts, levels)

    def _read(self) -> Counters:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except OSError as error:
            raise SpeedError(f"a measured process has ended, see {self._log}") from error
        found: Counters = json.loads(self._until("{"))
        return found

    def _until(self, start: str) -> str:
        """The next line that begins so; others are chatter of libraries."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(start):
                return line
        raise SpeedError(f"a measured process has ended, see {self._log}")

    def _tree(self) -> list[psutil.Process]:
        own = psutil.Process(self._process.pid)
        return [own, *own.children(recursive=True)]

    def _cpu_s(self) -> float:
        total = 0.0
        for process in self._tree():
            with suppress(psutil.NoSuchProcess):  # a helper that has just ended
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def _end(self) -> None:
        """End of input lets a patrol stop what it started, its queue's server too; then force."""
        try:
            tree = self._tree()
        except psutil.NoSuchProcess:
            tree = []
        with suppress(subprocess.TimeoutExpired):
            self._process.communicate(timeout=_STOP_S)
        for process in reversed(tree):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.communicate()
