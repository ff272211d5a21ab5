"""`skygrid check`: one camera answers, one does not; the table says which and why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from ruamel.yaml import YAML

from streams.serve import RtspServer

SECRET = "s3cret-word"
POLYGON = [[0.1, 0.2], [0.9, 0.2], [0.9, 0.9], [0.1, 0.9]]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "grey.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.options = {"preset": "ultrafast", "g": "5"}
        rng = np.random.default_rng(1)
        for _ in range(50):
            image = rng.normal(120, 8, (180, 320, 3)).clip(0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def write_site(path: Path, cameras: list[dict]) -> Path:
    with path.open("w") as stream:
        YAML().dump({"site": "test", "data_dir": "data", "cameras": cameras}, stream)
    return path


def camera(name: str, url: str) -> dict:
    zone = {"id": "pavement", "polygon": POLYGON, "rules": [{"type": "garbage"}]}
    return {"id": name, "url": url, "zones": [zone]}


def check(site: Path, stills: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "skygrid", "check", str(site), "--stills", str(stills)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )


@pytest.mark.rtsp
class TestCheck:
    def test_names_the_camera_that_is_dead_and_draws_the_zones_of_the_other(
        self, tmp_path: Path, clip: Path
    ) -> None:
        with RtspServer({"gate": clip}) as server:
            dead = f"rtsp://operator:{SECRET}@127.0.0.1:9/none"
            site = write_site(
                tmp_path / "site.yaml",
                [camera("gate", server.url("gate")), camera("yard", dead)],
            )
            done = check(site, tmp_path / "stills")
        assert done.returncode == 1, done.stdout + done.stderr
        (gate,) = [line for line in done.stdout.splitlines() if "gate" in line and "320" in line]
        assert "none" in gate
        (yard,) = [line for line in done.stdout.splitlines() if line.startswith("│ yard")]
        assert "refused" in yard.lower() or "offline" in yard.lower(), yard
        assert SECRET not in done.stdout + done.stderr
        still = cv2.imread(str(tmp_path / "stills" / "gate.jpg"))
        colour = still.max(axis=2).astype(int) - still.min(axis=2)
        assert (colour > 60).sum() > 200
        assert not (tmp_path / "stills" / "yard.jpg").exists()

    def test_all_is_well(self, tmp_path: Path, clip: Path) -> None:
        with RtspServer({"gate": clip}) as server:
            site = write_site(tmp_path / "site.yaml", [camera("gate", server.url("gate"))])
            done = check(site, tmp_path / "stills")
        assert done.returncode == 0, done.stdout + done.stderr
