"""What the command and the web side must never load: torch on a CPU patrol, video on a web node."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LEDGER_AND_QUEUE = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for folder in ("ledger", "events", "queue", "evidence")
    for path in sorted((ROOT / "pipeline" / folder).rglob("*.py"))
    if path.stem not in ("__init__", "env") and "versions" not in path.parts
]
LOADED = "import sys; print(' '.join(sorted(m.split('.')[0] for m in sys.modules)))"


def loaded_by(statement: str) -> set[str]:
    """Top-level modules in a fresh interpreter after a statement."""
    code = f"{statement}\n{LOADED}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=110, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "forbidden"),
    [
        pytest.param(
            "import skygrid.patrol, skygrid.run, skygrid.demo, skygrid.check",
            {"torch", "ultralytics", "torchvision", "nncf"},
            id="the patrol on a CPU",
        ),
        pytest.param(
            "import api.app, api.serve, skygrid.serve",
            {"torch", "ultralytics", "openvino", "cv2", "av", "streams"},
            id="the web side",
        ),
        pytest.param(
            f"import pipeline.outbox, {', '.join(LEDGER_AND_QUEUE)}",
            {"models", "streams", "cv2", "av", "torch", "ultralytics", "openvino"},
            id="ledger, events, queue and evidence",
        ),
        pytest.param(
            "import skygrid.cli",
            {"torch", "openvino", "cv2", "av", "fastapi", "sqlalchemy", "pipeline"},
            id="the command before a subcommand",
        ),
    ],
)
def test_loads_only_what_it_needs(statement: str, forbidden: set[str]) -> None:
    modules = loaded_by(statement)
    assert "sys" in modules
    assert not modules & forbidden
