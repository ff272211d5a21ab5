"""Draws a moving test card and encodes it: clips with known properties for tests and benchmarks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from streams.types import ImageArray

_CLOCK = Fraction(1, 90_000)


@dataclass(frozen=True, slots=True)
class TestCard:
    """What the clip is like.

    Attributes:
        codec: "h264" or "hevc".
        size: (width, height) in pixels, even.
        fps: Frame rate, when `times_s` is empty.
        duration_s: Length, when `times_s` is empty.
        gop: Pictures from keyframe to keyframe.
        b_frames: Between two reference pictures.
        bit_rate: Bits per second.
        noise: Amplitude of sensor noise, 0-255.
        times_s: Presentation time of every picture, for a variable frame rate.
        brightness: Factor on every pixel; 0 gives a black picture.
        hue: Colour of the moving block, to tell cards apart.
    """

    codec: str = "h264"
    size: tuple[int, int] = (320, 180)
    fps: float = 25.0
    duration_s: float = 4.0
    gop: int = 25
    b_frames: int = 0
    bit_rate: int = 400_000
    noise: int = 4
    times_s: Sequence[float] = ()
    brightness: float = 1.0
    hue: tuple[int, int, int] = (40, 80, 220)

    __test__ = False  # pytest must not take it for a test class

    def picture_times_s(self) -> list[float]:
        """Return when each picture is shown."""
        if self.times_s:
            return list(self.times_s)
        return [i / self.fps for i in range(round(self.duration_s * self.fps))]


def write_test_card(path: Path | str, card: TestCard | None = None) -> Path:
    """Encode `card` to a container that the suffix of `path` names."""
    card = card or TestCard()
    with av.open(str(path), "w") as output:
        stream = _video_stream(output, card)
        _configure(stream, card)
        for picture in _pictures(card):
            output.mux(stream.encode(picture))
        output.mux(stream.encode())
    return Path(path)


def draw(card: TestCard, index: int) -> ImageArray:
    """Return picture `index` of the card, (H, W, 3) uint8 BGR."""
    width, height = card.size
    ramp = np.linspace(30, 200, width, dtype=np.uint8)
    image: ImageArray = np.repeat(np.tile(ramp, (height, 1))[:, :, None], 3, axis=2)
    side = max(8, height // 4)
    left = index * max(2, width // 80) % max(1, width - side)
    image[height // 3 : height // 3 + side, left : left + side] = card.hue
    if card.noise:
        rng = np.random.default_rng(index)
        grain = rng.integers(-card.noise, card.noise + 1, image.shape, dtype=np.int16)
        image = np.clip(image.astype(np.int16) + grain, 0, 255).astype(np.uint8)
    return np.asarray(image * card.brightness, dtype=np.uint8) if card.brightness != 1.0 else image


def _video_stream(output: OutputContainer, card: TestCard) -> VideoStream:
    if card.codec == "hevc":
        return output.add_stream("libx265", rate=25)
    return output.add_stream("libx264", rate=25)


def _configure(stream: VideoStream, card: TestCard) -> None:
    stream.width, stream.height = card.size
    stream.pix_fmt = "yuv420p"
    stream.bit_rate = card.bit_rate
    stream.codec_context.time_base = _CLOCK
    stream.codec_context.gop_size = card.gop
    stream.codec_context.max_b_frames = card.b_frames
    if card.codec == "hevc":
        keys = f"keyint={card.gop}:min-keyint={card.gop}:scenecut=0:bframes={card.b_frames}"
        keys += ":log-level=error:pools=1"
        stream.options = {"preset": "ultrafast", "x265-params": keys}
    else:
        stream.options = {"preset": "veryfast", "sc_threshold": "0"}


def _pictures(card: TestCard) -> Iterator[VideoFrame]:
    for index, time_s in enumerate(card.picture_times_s()):
        picture = VideoFrame.from_ndarray(draw(card, index), format="bgr24")
        picture.pts = round(time_s * 90_000)
        picture.time_base = _CLOCK
        yield picture
