"""The newest still of every view on disk, with what the detector saw in it, for the camera wall.

`<root>/<camera>/<view>.jpg` and, beside it, `<view>.json`:

    {"at": "2026-03-01T08:00:00+00:00", "size": [1920, 1080],
     "boxes": [{"xyxy_norm": [0.1, 0.2, 0.3, 0.4], "label": "stall", "confidence": 0.81}]}

A reader touches `<root>/.watched`: while nobody looks, stills are replaced less often.

Of a preset that was last seen wrong there are also `<view>~seen.jpg` and `<view>~reference.jpg`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pipeline.types import Box, ViewKey


@dataclass(frozen=True, slots=True)
class StillBox:
    """One detection in a still; the box is in 0..1 of the full frame."""

    xyxy_norm: Box
    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Still:
    """One picture of a view.

    Attributes:
        jpeg: The picture, encoded; 1280 pixels wide are plenty.
        size: (width, height) of the full frame in pixels.
        captured_at: Wall clock, aware UTC.
        boxes: What the detector saw in it.
    """

    jpeg: bytes
    size: tuple[int, int]
    captured_at: datetime
    boxes: Sequence[StillBox] = ()


_WATCHED = ".watched"
_WATCHED_S, _TOLD_EVERY_S = 60.0, 10.0
"""How long after the last look stills count as watched; how often a look is noted."""


def note_watched(root: Path) -> None:
    """Tell the patrol that somebody looks at the stills; for readers, any thread."""
    if _unwatched_s(root) >= _TOLD_EVERY_S:
        with suppress(OSError):  # a read-only disk: then the stills are older
            (root / _WATCHED).touch()


class StillWriter:
    """Replaces a view's still; a reader sees the old one or the new one, never half of one."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def is_watched(self) -> bool:
        """Somebody looked at a still within the last minute."""
        return _unwatched_s(self._root) < _WATCHED_S

    def write(self, view: ViewKey, still: Still) -> None:
        """Write picture and boxes; raises OSError when the disk does not take them."""
        folder = self._root / view.camera_id
        folder.mkdir(parents=True, exist_ok=True)
        body = {
            "at": still.captured_at.isoformat(),
            "size": list(still.size),
            "boxes": [
                {
                    "xyxy_norm": [round(value, 4) for value in box.xyxy_norm],
                    "label": box.label,
                    "confidence": round(box.confidence, 3),
                }
                for box in still.boxes
            ],
        }
        _replace(folder / f"{view.view_id}.jpg", still.jpeg)
        _replace(folder / f"{view.view_id}.json", json.dumps(body).encode())

    def write_fault(self, view: ViewKey, name: Literal["seen", "reference"], jpeg: bytes) -> None:
        """Replace one of the two pictures of a preset's last fault; raises OSError."""
        folder = self._root / view.camera_id
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / f"{view.view_id}~{name}.jpg", jpeg)


def _unwatched_s(root: Path) -> float:
    """Seconds since the last look that was noted, endless before the first."""
    try:
        return time.time() - (root / _WATCHED).stat().st_mtime
    except OSError:
        return float("inf")


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(path)
