"""A camera over real RTSP whose picture is made when it is due: what a turning head sees now."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt

from streams.nal import join, leading_parameter_sets, split_annexb
from streams.serve.media import CLOCK_HZ, Clip, Picture, _payloads
from streams.serve.mount import Mount, MountSpec
from streams.serve.session import RtspSession
from streams.types import CodecInfo

ImageArray = npt.NDArray[np.uint8]
NAME = "eagle"
_FIRST_TICKS = 0x1D2C3B4A


def encoder(size: tuple[int, int], fps: int) -> av.VideoCodecContext:
    """H.264 without delay, a keyframe at every second picture."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = *size, "yuv420p"
    context.framerate, context.time_base = fps, Fraction(1, fps)
    options = {"preset": "ultrafast", "tune": "zerolatency", "g": "2", "crf": "18", "threads": "1"}
    context.options = options
    return context


@dataclass(slots=True)
class LiveMount(Mount):
    """Plays `render()` instead of a clip, `fps` times a second."""

    render: Callable[[], ImageArray] = field(default=lambda: np.zeros((2, 2, 3), np.uint8))
    fps: int = 4

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        codec = self.clip.codec
        context = encoder((codec.width, codec.height), self.fps)
        start_s, number = loop.time(), 0
        while True:
            image = await loop.run_in_executor(None, self.render)
            frame = av.VideoFrame.from_ndarray(image, "bgr24")
            frame.pts = number
            ticks = round((loop.time() - start_s) * CLOCK_HZ)
            for packet in context.encode(frame):
                nals = split_annexb(bytes(packet))
                payloads = tuple(part for nal in nals for part in _payloads("h264", nal))
                picture = Picture(0.0, ticks, packet.is_keyframe, payloads)
                self._send(picture, _FIRST_TICKS + ticks)
            number += 1
            await asyncio.sleep(max(0.0, start_s + number / self.fps - loop.time()))


class LiveCamera:
    """Serves one `LiveMount` from a thread; a context manager."""

    def __init__(self, render: Callable[[], ImageArray], fps: int = 4) -> None:
        image = render()
        size = (image.shape[1], image.shape[0])
        first = encoder(size, fps).encode(av.VideoFrame.from_ndarray(image, "bgr24"))[0]
        sets = join(leading_parameter_sets("h264", bytes(first)))
        clip = Clip(CodecInfo("h264", *size, sets), (), 1.0)
        self._mount = LiveMount(MountSpec(NAME, ()), clip, render=render, fps=fps)
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.port = 0

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/{NAME}"

    def __enter__(self) -> LiveCamera:
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(asyncio.CancelledError):
                await RtspSession({NAME: self._mount}, reader, writer).run()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.1)
