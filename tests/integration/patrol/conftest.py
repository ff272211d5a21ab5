"""One RTSP camera with three heaps in it, and a patrol on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from builders.patrol import (
    RULE,
    RunningPatrol,
    end_embedded,
    write_block_weight,
    write_clip,
    write_site,
)

from streams.serve import RtspServer


@dataclass(frozen=True)
class Square:
    """One RTSP camera with three heaps in it, and the site file of a patrol on it."""

    server: RtspServer
    patrol: RunningPatrol


@pytest.fixture(scope="session")
def block_weight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_block_weight(tmp_path_factory.mktemp("weights") / "blocks")


@pytest.fixture(scope="session")
def block_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clips") / "square.mp4")


@pytest.fixture
def rtsp(block_clip: Path) -> Iterator[RtspServer]:
    with RtspServer({"square": block_clip}) as server:
        yield server


@pytest.fixture
def square(tmp_path: Path, rtsp: RtspServer, block_weight: Path) -> Iterator[Square]:
    camera = {
        "id": "square",
        "url": rtsp.url("square"),
        "zones": [{"id": "ground", "rules": [RULE]}],
    }
    site = write_site(tmp_path / "site.yaml", block_weight, camera)
    patrol = RunningPatrol(site)
    yield Square(rtsp, patrol)
    if patrol.process is not None and patrol.process.poll() is None:
        patrol.kill()
    end_embedded(patrol.data)
