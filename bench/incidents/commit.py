"""The commit that a result was made with (runs git)."""

from __future__ import annotations

import hashlib
import subprocess
from functools import cache
from pathlib import Path


@cache
def commit() -> str:
    """Short hash of HEAD; where tracked files differ from it, a plus and a hash of how.

    So two results of one name were made by the same lines. "unknown" without git.
    """
    try:
        head = _git("rev-parse", "--short=12", "HEAD").decode().strip()
        changed = _git("diff", "--no-ext-diff", "--binary", "HEAD")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return f"{head}+{hashlib.sha256(changed).hexdigest()[:8]}" if changed else head


def _git(*arguments: str) -> bytes:
    return subprocess.run(
        ["git", *arguments], capture_output=True, timeout=10, cwd=Path(__file__).parent, check=True
    ).stdout
