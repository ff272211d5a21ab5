"""The lean install: a fresh environment without torch has the command and both sides."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_setup_lean_makes_an_environment_without_torch(tmp_path: Path) -> None:
    tree = tmp_path / "skygrid"
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=60
    ).stdout.split(b"\0")
    for name in filter(None, (os.fsdecode(part) for part in tracked)):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("SKYGRID_")}
    subprocess.run(["make", "setup-lean"], cwd=tree, env=clean, check=True, timeout=1200)
    command = tree / ".venv" / "bin" / "skygrid"
    shown = subprocess.run(
        [command, "version"], cwd=tree, env=clean, capture_output=True, text=True, timeout=120
    ).stdout
    assert "torch            not installed" in shown
    assert "ultralytics      not installed" in shown
    imports = (
        "import skygrid.patrol, skygrid.demo, skygrid.check, api.app; from models.load import *"
    )
    subprocess.run(
        [tree / ".venv" / "bin" / "python", "-c", imports],
        cwd=tree,
        env=clean,
        check=True,
        timeout=120,
    )
