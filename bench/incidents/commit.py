"""The commit that a result was made with (runs git)."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path


@cache
def commit() -> str:
    """Short hash of HEAD, with a plus where files differ from it; "unknown" without git."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD").strip()
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], capture_output=True, text=True, timeout=10,
        cwd=Path(__file__).parent, check=True,
    ).stdout  # fmt: skip
