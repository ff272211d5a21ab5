"""What is remembered of each pixel of a view, and its form as bytes."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.novelty.pixels import Mask, Plane

VERSION = 1


@dataclass(slots=True)
class PixelMemory:
    """Planes of one view, all (h, w) or (3, h, w) of the small picture, CIELAB of 0..255.

    Attributes:
        background: What the view looks like without anything new.
        known: Where the background has been seen.
        candidate: What a changed pixel looked like when its change began.
        since_s: Media time at which it began, NaN where nothing is changed.
    """

    background: Plane
    known: Mask
    candidate: Plane
    since_s: npt.NDArray[np.float64]


def pack(memory: PixelMemory, last_s: float) -> bytes:
    """The memory and its time as compressed bytes; colours are rounded to 8 bits."""
    out = io.BytesIO()
    np.savez_compressed(
        out,
        version=np.array(VERSION),
        last_s=np.array(last_s),
        background=_pixels(memory.background),
        known=memory.known,
        candidate=_pixels(memory.candidate),
        since_s=memory.since_s,
    )
    return out.getvalue()


def unpack(state: bytes) -> tuple[PixelMemory, float]:
    """The memory and its time from bytes that `pack` made.

    Raises:
        ValueError: They are something else, damaged, or of another version.
    """
    try:
        with np.load(io.BytesIO(state), allow_pickle=False) as planes:
            version = int(planes["version"])
            memory = PixelMemory(
                _planes(planes["background"]),
                planes["known"].astype(bool),
                _planes(planes["candidate"]),
                planes["since_s"].astype(np.float64),
            )
            last_s = float(planes["last_s"])
    except (KeyError, OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError("state must be what a novelty detector saved, got other bytes") from error
    if version != VERSION:
        raise ValueError(f"state must be of version {VERSION}, got {version}")
    shape = memory.known.shape
    planes_fit = memory.background.shape == memory.candidate.shape == (3, *shape)
    if not planes_fit or memory.since_s.shape != shape:
        raise ValueError("state must have planes of one size")
    return memory, last_s


def _pixels(planes: Plane) -> npt.NDArray[np.uint8]:
    """(h, w, 3) as pictures are kept, from (3, h, w)."""
    return np.moveaxis(np.clip(np.rint(planes), 0, 255).astype(np.uint8), 0, 2)


def _planes(pixels: npt.NDArray[np.uint8]) -> Plane:
    """(3, h, w) from (h, w, 3), contiguous; other shapes stay, and are refused."""
    planes = np.moveaxis(pixels, 2, 0) if pixels.ndim == 3 else pixels
    return np.ascontiguousarray(planes, np.float32)
