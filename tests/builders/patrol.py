"""A whole patrol as a child process: real RTSP, real Redis, a network that finds red squares.

The network is a real OpenVINO graph whose answer is known: a cell of 64 x 64 pixels that is red is
garbage. So the tests know exactly what must be found, and still run every part of the patrol.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import openvino as ov
import redis
from openvino import opset13 as ops
from ruamel.yaml import YAML
from sqlalchemy import text

from models.card import Card, describe_file, write_card
from models.labels import LABELS
from pipeline.ledger.database import open_engine, sqlite_url
from pipeline.ledger.spool import Spool, SpooledSighting
from pipeline.ledger.sql import SqlLedger
from pipeline.types import ViewKey

CELL = 64
SIZE = (384, 640)
CELLS = [(2, 2), (2, 5), (4, 8)]
"""Rows and columns of the three red cells: three happenings."""

RULE = {
    "type": "garbage",
    "dwell_s": 1.0,
    "glance_period_s": 0.5,
    "confirm_s": 0.5,
    "min_looks": 2,
    "look_s": 0,
}
"""Garbage at once: what the tests wait for takes a second, not a minute."""


def write_site(path: Path, weight: Path, camera: dict[str, Any]) -> Path:
    """The site file of a patrol on one camera, with a weight of `write_block_weight`."""
    site = {
        "site": "test",
        "data_dir": "data",
        "detector": {"weights": str(weight), "threads": 1},
        "monitor": {"port": 0},
        "evidence": {"pre_roll_s": 1, "post_roll_s": 1, "min_free_mebibytes": 1},
        "cameras": [camera],
    }
    with path.open("w") as stream:
        YAML().dump(site, stream)
    return path


def write_block_weight(directory: Path) -> Path:
    """A weight directory whose network reports red cells as garbage."""
    height, width = SIZE
    pixels = ops.parameter([1, 3, height, width], np.float32, name="x")
    pooled = ops.avg_pool(pixels, [CELL, CELL], [0, 0], [0, 0], [CELL, CELL], exclude_pad=True)
    kernel = np.zeros((len(LABELS), 3, 1, 1), np.float32)
    kernel[LABELS.index("garbage"), :, 0, 0] = (1.0, -0.6, -0.6)
    score = ops.convolution(pooled, ops.constant(kernel), [1, 1], [0, 0], [0, 0], [1, 1])
    cells = (height // CELL) * (width // CELL)
    flat = ops.reshape(
        ops.clamp(score, 0.0, 1.0), ops.constant([1, len(LABELS), cells]), special_zero=False
    )
    y, x = np.mgrid[0 : height // CELL, 0 : width // CELL].astype(np.float32)
    side = np.full(x.size, CELL, np.float32)
    boxes = np.stack([(x.ravel() + 0.5) * CELL, (y.ravel() + 0.5) * CELL, side, side])[None]
    model = ov.Model([ops.concat([ops.constant(boxes), flat], axis=1)], [pixels], "blocks")
    directory.mkdir(parents=True)
    ov.save_model(model, directory / "blocks-fp32-384x640.xml", compress_to_fp16=False)
    names = ["blocks-fp32-384x640.xml", "blocks-fp32-384x640.bin"]
    write_card(
        directory,
        Card(
            name="blocks",
            labels=LABELS,
            input_sizes=(SIZE,),
            files={name: describe_file(directory / name) for name in names},
            thresholds={"garbage": 0.4},
            licence="AGPL-3.0-or-later",
        ),
    )
    return directory


def write_clip(path: Path, codec: str = "libx264", seconds: int = 10, fps: int = 10) -> Path:
    """A grey, slightly noisy scene with red squares in `CELLS`; a keyframe every half second."""
    rng = np.random.default_rng(7)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = SIZE[1], SIZE[0], "yuv420p"
        stream.options = {"preset": "ultrafast", "g": str(fps // 2), "bf": "0", "crf": "20"}
        if codec == "libx265":
            stream.options["x265-params"] = f"keyint={fps // 2}:bframes=0:log-level=none"
        for _ in range(seconds * fps):
            image = rng.normal(120, 4, (*SIZE, 3)).clip(0, 255).astype(np.uint8)
            for row, column in CELLS:
                y, x = row * CELL, column * CELL
                image[y : y + CELL, x : x + CELL] = (235, 20, 20)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@dataclass
class RunningPatrol:
    """A `skygrid run` in a process of its own, on one data directory."""

    site: Path
    overrides: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.site.parent / "data"

    @property
    def log(self) -> str:
        return (self.site.parent / "patrol.out").read_text(errors="replace")

    def start(self) -> None:
        arguments = [x for o in self.overrides for x in ("--set", o)]
        with (self.site.parent / "patrol.out").open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "skygrid", "run", str(self.site), "--plain", *arguments],
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
            )

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> float:
        """SIGTERM; seconds until it was gone. Its exit code must be 0."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, self.log[-3000:]
        return time.monotonic() - began

    def health(self) -> dict[str, object]:
        port = self.monitor_port()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            report: dict[str, object] = json.loads(answer.read())
        return report

    def metrics(self) -> str:
        url = f"http://127.0.0.1:{self.monitor_port()}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())

    def metric(self, name: str) -> float:
        """A sample by its name with labels; 0 while there is none, or no patrol that answers."""
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            lines = (line.rpartition(" ") for line in self.metrics().splitlines())
            return next((float(value) for found, _, value in lines if found == name), 0.0)
        return 0.0

    def monitor_port(self) -> int:
        return int((self.data / "monitor.port").read_text())


def end_embedded(data: Path) -> None:
    """A killed patrol leaves its Redis running: end it."""
    pid_file = data / "redis" / "redis.pid"
    if pid_file.exists():
        try:
            os.kill(int(pid_file.read_text()), signal.SIGKILL)
        except (ProcessLookupError, ValueError):
            return


def move_sightings_to_the_spool(data: Path) -> None:
    """As if the ledger had refused what a patrol that is dead now wanted to record."""
    engine = open_engine(sqlite_url(data / "skygrid.db"))
    spool = Spool(data / "spool")
    for sighting in SqlLedger(engine).open_sightings(ViewKey("square")):
        spool.append(SpooledSighting(sighting))
    with engine.begin() as connection:
        connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        for table in ("outbox", "evidence", "sighting_message", "sighting", "incident"):
            connection.execute(text(f"DELETE FROM {table}"))
    engine.dispose()


def wait_until(what: Callable[[], bool], seconds: float, log: Callable[[], str]) -> None:
    """Wait until something holds; fail with the patrol's log when it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s\n{log()[-4000:]}")


def events(redis_url: str) -> list[dict[str, str]]:
    """Flat fields of everything in the stream; empty while Redis does not answer."""
    client = redis.Redis.from_url(redis_url, decode_responses=True, socket_timeout=5)
    try:
        return [fields for _, fields in client.xrange("skygrid:incidents")]
    except redis.RedisError:
        return []
    finally:
        client.close()


def started(redis_url: str) -> Counter[str]:
    """How often each incident was announced as started."""
    found = events(redis_url)
    return Counter(e["incident_id"] for e in found if e["phase"] == "started")
