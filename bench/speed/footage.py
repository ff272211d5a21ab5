"""The streams that the variants watch, 1080p25 H.264 at 4 Mbit/s first, made of a clip (files)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np

from streams.types import ImageArray

NOISE = 3.0
"""Standard deviation of the sensor noise that is added: a rendered or cleaned clip has none."""


STREAM_FPS = 25
"""Pictures a second that every camera sends."""


@dataclass(frozen=True, slots=True)
class StreamShape:
    """What the cameras send."""

    size: tuple[int, int] = (1920, 1080)
    fps: int = STREAM_FPS
    gop: int = 50
    bit_rate: int = 4_000_000
    seconds: int = 24
    codec: str = "h264"

    @property
    def name(self) -> str:
        """For people and files: "1080p25 H.264, 4 Mbit/s, GOP 50"."""
        codec = {"h264": "H.264", "hevc": "H.265"}[self.codec]
        rate = f"{self.bit_rate / 1e6:g} Mbit/s"
        return f"{self.size[1]}p{self.fps} {codec}, {rate}, GOP {self.gop}"


OTHER_SHAPES = (
    StreamShape((1280, 720), bit_rate=2_000_000),
    StreamShape(codec="hevc"),
    StreamShape(gop=250),
)
"""What else cameras send; the last has a keyframe every 10 s only."""

_ENCODERS = {"h264": ("libx264", "veryfast"), "hevc": ("libx265", "ultrafast")}


def make_stream(source: Path, folder: Path, shape: StreamShape) -> Path:
    """Encode a clip in the shape wanted; kept on disk."""
    folder.mkdir(parents=True, exist_ok=True)
    traits = (f"{shape.size[1]}p{shape.fps}", f"g{shape.gop}", shape.codec, shape.bit_rate)
    out = folder / ("-".join(map(str, (source.stem, *traits))) + ".mp4")
    if not out.is_file():
        part = out.with_suffix(".part.mp4")
        _encode(source, part, shape)
        part.replace(out)
    return out


def _encode(source: Path, out: Path, shape: StreamShape) -> None:
    rng = np.random.default_rng(5)
    grain = rng.normal(0, NOISE, (shape.size[1] + 64, shape.size[0] + 64, 1)).astype(np.int16)
    with av.open(str(out), "w") as container:
        encoder, preset = _ENCODERS[shape.codec]
        stream = cast(av.VideoStream, container.add_stream(encoder, rate=shape.fps))
        stream.width, stream.height = shape.size
        stream.pix_fmt, stream.bit_rate = "yuv420p", shape.bit_rate
        stream.options = {
            "preset": preset,
            "g": str(shape.gop),
            "bf": "0",
            "sc_threshold": "0",
            "x265-params": f"keyint={shape.gop}:min-keyint={shape.gop}:scenecut=0:bframes=0",
            "maxrate": str(shape.bit_rate),
            "bufsize": str(2 * shape.bit_rate),
        }
        for number, image in enumerate(_pictures(source, shape)):
            dx, dy = rng.integers(0, 64, 2)
            noise = grain[dy : dy + shape.size[1], dx : dx + shape.size[0]]
            noisy = np.clip(image.astype(np.int16) + noise, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(noisy, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, shape.fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _pictures(source: Path, shape: StreamShape) -> Iterator[ImageArray]:
    """As many pictures as wanted; a clip of another rate is resampled, a short one goes back."""
    with av.open(str(source)) as clip:
        stream = clip.streams.video[0]
        rate = float(stream.average_rate or shape.fps)
        images: list[ImageArray] = []
        for frame in clip.decode(stream):
            images.append(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))
            if len(images) >= shape.seconds * rate:
                break
    cycle = [*range(len(images)), *range(len(images) - 2, 0, -1)]
    for number in range(shape.seconds * shape.fps):
        image = images[cycle[round(number * rate / shape.fps) % len(cycle)]]
        yield np.asarray(cv2.resize(image, shape.size), np.uint8)
