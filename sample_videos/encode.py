"""Writes pictures to an H.264 file through PyAV (file output)."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
import numpy.typing as npt

from sample_videos.scenario import Conditions


class ClipWriter:
    """An H.264 MP4 with a constant frame rate; use as a context manager.

    One encoder thread, so that equal pictures give equal bytes on one machine.
    """

    def __init__(
        self, path: Path, size: tuple[int, int], fps: float, conditions: Conditions
    ) -> None:
        self._container = av.open(str(path), "w")
        rate = Fraction(fps).limit_denominator(1000)
        gop = max(1, round(conditions.gop_s * fps))
        stream = self._container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = size[0], size[1], "yuv420p"
        stream.thread_count = 1
        stream.gop_size = gop
        stream.options = {
            "crf": str(conditions.crf),
            "preset": "veryfast",
            "bf": str(conditions.bframes),
            "g": str(gop),
            "keyint_min": str(gop),
            "sc_threshold": "0",
        }
        self._stream = stream

    def __enter__(self) -> ClipWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()

    def write(self, image: npt.NDArray[np.uint8]) -> None:
        """Append one (H, W, 3) BGR picture."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
        self._container.mux(self._stream.encode(frame))
