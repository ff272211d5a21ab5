"""The truth of a clip before anybody watched it, and what an annotator changes (file input)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from pydantic import ValidationError

from sample_videos.errors import TruthError
from sample_videos.truth import Clip, Truth

EDITED = ("zones", "incidents", "near_misses", "reviews")
"""What the page changes; objects, calibration and the clip stay as they are."""


def draft_of(path: Path, start: datetime | None = None) -> Truth:
    """A truth file that only knows its clip.

    Args:
        path: The clip.
        start: Wall clock of its first picture, aware; the file's time by default.

    Raises:
        TruthError: it is no clip.
    """
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            rate = Fraction(stream.average_rate or 25)
            frames = stream.frames or sum(1 for _ in container.decode(stream))
            size = stream.width, stream.height
    except (OSError, IndexError, av.FFmpegError) as error:
        raise TruthError(f"clip {path.name} must be a video, cannot be read: {error}") from error
    clip = Clip(
        file=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        fps=float(rate),
        frames=frames,
        size=size,
        start=start or datetime.fromtimestamp(path.stat().st_mtime, UTC),
    )
    return Truth(clip=clip, origin="annotated")


def edited(truth: Truth, changes: Mapping[str, Any]) -> Truth:
    """The truth with what an annotator changed, validated.

    Raises:
        TruthError: with every fault and where it is.
    """
    unknown = sorted(set(changes) - set(EDITED))
    if unknown:
        raise TruthError(f"changes must be of {EDITED}, got {unknown}")
    try:
        return Truth.model_validate({**truth.model_dump(mode="json"), **changes})
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()]
        raise TruthError("\n".join(lines)) from error
