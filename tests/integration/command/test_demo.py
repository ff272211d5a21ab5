"""The demo as a new user starts it, without a terminal: it reports what is true, and exits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sample_videos.demo import demo_cameras

SECONDS = 45


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "skygrid", "demo", "--for", str(SECONDS), "--port", "0"]
    command += ["--json", str(folder / "found.json"), "--dir", str(folder / "data")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the demo's result" in done.stdout
    return dict(json.loads((folder / "found.json").read_text("utf-8")))


@pytest.mark.redis
@pytest.mark.rtsp
class TestDemo:
    def test_says_of_each_happening_of_each_clip_whether_it_was_found(self, report: dict) -> None:
        true = [(c.name, kind) for c in demo_cameras() for kind, _ in c.expected]
        assert [(row["camera"], row["type"]) for row in report["expected"]] == true
        assert all(isinstance(row["found"], bool) for row in report["expected"])

    def test_finds_the_missing_helmet_and_gives_its_clip(self, report: dict) -> None:
        found = {row["type"]: row["found"] for row in report["expected"]}
        assert found["missing_helmet"]
        clips = {e["clip"] for e in report["events"] if e["type"] == "missing_helmet" and e["clip"]}
        assert clips
        evidence = Path(report["data_dir"]) / "evidence"
        assert all((evidence / clip).stat().st_size > 0 for clip in clips)

    def test_measures_the_delay_of_what_it_found(self, report: dict) -> None:
        started = [e for e in report["events"] if e["phase"] == "started"]
        assert report["queue_delay_s"]["n"] == len(started) > 0
        assert report["queue_delay_s"]["p50"] > 0
