"""Inside a patrol: what is recorded reaches the queue at once; nothing is left when it stops."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from builders.patrol import RULE, write_site

from pipeline.site.load import load_site
from skygrid.patrol import Patrol


def test_the_relay_is_rung_by_the_recorder_and_by_the_stop(
    tmp_path: Path, block_weight: Path, block_clip: Path, build: ModuleType
) -> None:
    camera = {
        "id": "square",
        "url": str(block_clip),
        "zones": [{"id": "ground", "rules": [RULE | {"open_at": 1.0}]}],
    }
    site = load_site(write_site(tmp_path / "site.yaml", block_weight, camera))
    with Patrol(site) as patrol:
        relay = patrol.parts.relay
        relay.config = replace(relay.config, poll_s=600)  # only a ring can wake it now
        until_s = time.monotonic() + 60
        for number in (1, 2):
            patrol.parts.recorder.record(build.make_sighting(number, zone_id=f"z{number}"))
            while relay.status.published < number:
                assert time.monotonic() < until_s, "nobody rang"
                time.sleep(0.02)
    assert "relay" not in {thread.name for thread in threading.enumerate()}
