"""The values that leave this folder: compressed packets and decoded frames with their times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

ImageArray = npt.NDArray[np.uint8]

Roi = tuple[int, int, int, int]
"""Left, top, right, bottom in whole pixels of the full picture, right and bottom excluded."""


@dataclass(frozen=True, slots=True)
class CodecInfo:
    """What a decoder or a muxer needs to know before the first packet.

    Attributes:
        name: FFmpeg's codec name, "h264" or "hevc".
        width: Coded width in pixels, 0 when the stream has not said yet.
        height: Coded height in pixels, 0 when the stream has not said yet.
        extradata: Parameter sets as the container gave them (Annex B or avcC/hvcC); may be empty.
    """

    name: str
    width: int
    height: int
    extradata: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class Packet:
    """One compressed video packet of a camera.

    Attributes:
        camera_id: Id from the site config, e.g. "gate-3".
        timestamp_s: Presentation time on the camera's media clock, see `Frame.timestamp_s`.
        decode_s: Decoding time on the same clock; equals `timestamp_s` without B-frames.
        duration_s: Nominal time to the next picture, 0 when unknown.
        captured_at: Wall clock, aware UTC, when the packet arrived (live) or was filmed (file).
        is_keyframe: Decoding can start here.
        data: The compressed bytes.
        codec: Parameters in force; the same object for all packets of one epoch.
        epoch: Grows at every reconnect, codec change, resolution change or jump in time.
            Packets of different epochs never share a decoder or a clip.
    """

    camera_id: str
    timestamp_s: float
    decode_s: float
    duration_s: float
    captured_at: datetime
    is_keyframe: bool
    data: bytes
    codec: CodecInfo
    epoch: int


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture and when it was taken.

    Attributes:
        camera_id: Id from the site config, e.g. "gate-3".
        timestamp_s: Media time in seconds, non-decreasing. It equals the Unix time at the start
            of the camera's session and then advances with the stream's own clock. Every
            duration uses this.
        captured_at: Wall clock, aware UTC. For evidence and people, never for arithmetic.
        image: (H, W, 3) uint8, BGR, read-only.
        epoch: Of the packet that it was decoded from.
    """

    camera_id: str
    timestamp_s: float
    captured_at: datetime
    image: ImageArray
    epoch: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        height, width = self.image.shape[:2]
        return width, height

    def frame(self) -> Frame:
        """See `Shot.frame`."""
        return self

    def sampled(self, size: tuple[int, int], roi: Roi | None = None) -> ImageArray:
        """See `Shot.sampled`."""
        left, top, right, bottom = roi or (0, 0, *self.size)
        return _to(self.image[top:bottom, left:right], size, cv2.INTER_LINEAR)

    def averaged(self, size: tuple[int, int]) -> ImageArray:
        """See `Shot.averaged`."""
        return _to(self.image, size, cv2.INTER_AREA)

    def luma(self, size: tuple[int, int] = (64, 36), roi: Roi | None = None) -> ImageArray:
        """See `Shot.luma`."""
        left, top, right, bottom = roi or (0, 0, *self.size)
        small = _to(self.image[top:bottom, left:right], size, cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)


class Shot(Protocol):
    """One picture of a camera that is converted no further than somebody asks for.

    A `Frame` is one, and so is a `Picture` that is still in YUV; times and epoch as of `Frame`.
    """

    @property
    def camera_id(self) -> str: ...
    @property
    def timestamp_s(self) -> float: ...
    @property
    def captured_at(self) -> datetime: ...
    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the full picture in pixels."""
        ...

    def frame(self) -> Frame:
        """All of it, in BGR."""
        ...

    def sampled(self, size: tuple[int, int], roi: Roi | None = None) -> ImageArray:
        """(H, W, 3) uint8 BGR of the pixels in `roi`, bilinear, as detectors are trained.

        Args:
            size: (width, height) of the result.
            roi: Inside the picture; all of it by default.
        """
        ...

    def averaged(self, size: tuple[int, int]) -> ImageArray:
        """(H, W, 3) uint8 BGR of the whole picture, every pixel counted: little noise."""
        ...

    def luma(self, size: tuple[int, int] = (64, 36), roi: Roi | None = None) -> ImageArray:
        """(H, W) uint8 thumbnail of the brightness of `roi`, all of the picture by default."""
        ...


def _to(image: ImageArray, size: tuple[int, int], mode: int) -> ImageArray:
    return np.asarray(cv2.resize(image, size, interpolation=mode), dtype=np.uint8)
