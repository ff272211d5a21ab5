"""The RTSP server of the benchmark, in a process whose CPU is not counted (starts processes)."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from streams.serve import RtspServer

_SYSTEM_PYTHON = "/usr/bin/python3"
_SCRIPT = Path(__file__).with_name("gst_server.py")


@contextmanager
def serving(clip: Path) -> Iterator[tuple[str, str]]:
    """(URL, name of the server) while it serves: GStreamer's, else our own (which costs more)."""
    if not _has_gstreamer():
        with RtspServer({"cam": clip}) as server:
            yield server.url("cam"), "streams.serve"
        return
    port = _free_port()
    process = subprocess.Popen(
        [_SYSTEM_PYTHON, str(_SCRIPT), str(clip.resolve()), str(port), _codec(clip)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield f"rtsp://127.0.0.1:{port}/cam", "GStreamer"
    finally:
        process.kill()
        process.communicate(timeout=10)


def _codec(clip: Path) -> str:
    """As GStreamer names it."""
    with av.open(str(clip)) as container:
        return {"hevc": "h265"}.get(name := container.streams.video[0].codec.name, name)


def _has_gstreamer() -> bool:
    code = "import gi; gi.require_version('GstRtspServer', '1.0')"
    try:
        done = subprocess.run(
            [_SYSTEM_PYTHON, "-c", code], capture_output=True, timeout=20, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
