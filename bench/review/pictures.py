"""Small clips, stills and box tracks for made-up incidents."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from pipeline.evidence.boxtrack import ClipFrame, box_track
from pipeline.types import Box, BoxAt, Sighting

LABELS = {
    "street_vending": "stall",
    "garbage": "garbage",
    "overflowing_bin": "overflowing_bin",
    "missing_helmet": "bare_head",
    "crowding": "person",
}


def clip(path: Path, seconds: float = 8.0, codec: str = "libx264") -> None:
    """A small clip with a box that moves to the right, 640×360 at 25 pictures per second."""
    with av.open(str(path), "w", options={"movflags": "faststart"}) as out:
        stream = out.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        stream.time_base = Fraction(1, 25)
        stream.codec_context.thread_count = 1  # x264's own threads may wait for the GIL for ever
        for n in range(int(seconds * 25)):
            image = np.full((360, 640, 3), 96, np.uint8)
            image[220:] = (90, 100, 90)
            left = int(60 + 480 * n / (seconds * 25))
            image[140:250, left : left + 80] = (200, 120, 40)
            frame = av.VideoFrame.from_ndarray(image, "rgb24")
            frame.pts = n
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def still_jpeg() -> bytes:
    """One picture as JPEG."""
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 640, 360, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    image = np.zeros((360, 640, 3), np.uint8)
    image[:, :, 0] = np.linspace(40, 180, 640, dtype=np.uint8)
    image[:, :, 2] = np.linspace(160, 60, 360, dtype=np.uint8)[:, None]
    frame = av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuvj420p")
    return b"".join(bytes(p) for p in [*encoder.encode(frame), *encoder.encode(None)])


def track(sighting: Sighting, seconds: float = 8.0) -> bytes:
    """A box that moves to the right, confirmed in the middle of the clip."""
    start = sighting.started_s
    frame = ClipFrame(
        view=sighting.view,
        start_s=start,
        size=(640, 360),
        zone_id=sighting.zone_id,
        polygon_norm=((0.05, 0.6), (0.95, 0.6), (0.98, 0.95), (0.02, 0.95)),
        marks={"confirmed": start + seconds / 2},
    )
    label = LABELS[sighting.type]
    steps = [
        BoxAt(start + n / 5, _box(n / 5, seconds), label, 0.8) for n in range(int(seconds * 5))
    ]
    return box_track(frame, steps)


def _box(at_s: float, seconds: float) -> Box:
    left = 60 + 480 * at_s / seconds
    return (left / 640, 140 / 360, (left + 80) / 640, 250 / 360)
