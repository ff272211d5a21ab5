"""Starts the RTSP server as a process of its own, and lets tests kill, stall and restart it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.errors import ServeError

_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 3.0


class RtspServer:
    """A child process that plays clips as cameras; a context manager.

    Args of the constructor:
        cameras: Name to what it plays, in the words of `MountSpec.parse`: "a.mp4", "a.mp4+b.mp4",
            "a.mp4,stall_after=5", "a.mp4,garbage", "a.mp4,account=user:password".
        port: 0 takes any free port; a restart keeps it.
    """

    def __init__(
        self, cameras: Mapping[str, str | Path], *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._cameras = dict(cameras)
        self._host = host
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def url(self, name: str, account: str = "") -> str:
        """Return the address of a camera, with "user:password" when given."""
        return f"rtsp://{account + '@' if account else ''}{self._host}:{self.port}/{name}"

    def start(self) -> Self:
        """Start the process and wait until it takes connections.

        Raises:
            ServeError: It did not start; the message holds what it said.
        """
        cameras = [f"{name}={clip}" for name, clip in self._cameras.items()]
        command = [sys.executable, "-m", "streams.serve", "--host", self._host]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        self._process = subprocess.Popen(
            [*command, "--port", str(self.port), *cameras],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
        self.port = self._await_ready(self._process)
        return self

    def stop(self) -> None:
        """End the process in good order, by force after three seconds."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the process as a power cut would; clients get no goodbye."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Kill the process and start it again on the same port."""
        self.kill()
        self.start()

    def stall(self) -> None:
        """Freeze the process: connections stay open, nothing comes."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_STOP_TIMEOUT_S)
        finally:
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

    def _await_ready(self, process: subprocess.Popen[bytes]) -> int:
        assert process.stdout is not None
        assert process.stderr is not None
        deadline_s = time.monotonic() + _START_TIMEOUT_S
        line = b""
        while not line.endswith(b"\n"):
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not select.select([process.stdout], [], [], left_s)[0]:
                break
            piece = os.read(process.stdout.fileno(), 256)
            if not piece:
                break
            line += piece
        words = line.split()
        if len(words) == 2 and words[1].isdigit():
            return int(words[1])
        process.kill()
        said = process.stderr.read().decode(errors="replace").strip()
        self._end(signal.SIGKILL)
        raise ServeError(f"the RTSP server did not start: {said or 'no answer'}")
