"""One camera of the RTSP server: a clip on a loop, sent to every client from one clock."""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from streams.errors import ServeError
from streams.serve.media import CLOCK_HZ, PAYLOAD_TYPE, Clip, Picture, load_clip

# RTP times begin at a random value (RFC 3550 §5.1); libav takes a first value of 0 for "not set".
_FIRST_TICKS = 0x1D2C3B4A
# Takes the RTP packets of one picture; returns False when the client is gone or too slow.
Send = Callable[[list[bytes]], bool]


@dataclass(frozen=True, slots=True)
class MountSpec:
    """What one camera plays, and how it misbehaves.

    Attributes:
        name: Path in the address.
        paths: Clips, played one after the other and over again.
        stall_after_s: Send nothing more after so many seconds, but keep the session; 0 never.
        jump_after_s: Set the RTP clock an hour ahead after so many seconds; 0 never.
        garbage: Send random bytes instead of pictures.
        loss: Share of RTP packets that are left out.
        account: "user:password" that a client must give; empty for none.
    """

    name: str
    paths: tuple[Path, ...]
    stall_after_s: float = 0.0
    jump_after_s: float = 0.0
    garbage: bool = False
    loss: float = 0.0
    account: str = ""

    @classmethod
    def parse(cls, text: str) -> MountSpec:
        """Read `name=clip.mp4[+clip.mp4...][,fault...]`.

        A fault is `stall_after=S`, `jump_after=S`, `garbage`, `loss=R` or `account=USER:PASSWORD`.
        """
        name, separator, rest = text.partition("=")
        clips, *extras = rest.split(",")
        if not (name and separator and clips):
            raise ServeError(f"a camera must be name=clip.mp4[,fault], got {text!r}")
        words = dict(extra.partition("=")[::2] for extra in extras)
        unknown = words.keys() - {"stall_after", "jump_after", "garbage", "loss", "account"}
        if unknown:
            raise ServeError(f"a fault must be one of those that are known, got {unknown}")
        return cls(
            name,
            tuple(Path(clip) for clip in clips.split("+")),
            float(words.get("stall_after", 0)),
            float(words.get("jump_after", 0)),
            "garbage" in words,
            float(words.get("loss", 0)),
            words.get("account", ""),
        )


@dataclass(slots=True)
class _Client:
    send: Send
    waits_for_keyframe: bool = True


@dataclass(slots=True)
class Mount:
    """One camera. It plays from the clip's beginning while anyone watches, else it rests."""

    spec: MountSpec
    clip: Clip
    ssrc: int = 0x5C1D0001
    _clients: dict[int, _Client] = field(default_factory=dict)
    _task: asyncio.Task[None] | None = None
    _sequence: int = 0
    _random: random.Random = field(default_factory=lambda: random.Random(0))

    @classmethod
    def load(cls, spec: MountSpec) -> Mount:
        """Read the clips of `spec`."""
        return cls(spec, load_clip(spec.paths))

    @property
    def next_sequence(self) -> int:
        return self._sequence & 0xFFFF

    def join(self, key: int, send: Send) -> None:
        """Send to this client from the next keyframe on."""
        self._clients[key] = _Client(send)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._play())

    def leave(self, key: int) -> None:
        """Send no more to this client."""
        self._clients.pop(key, None)
        if not self._clients and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        start_s, rounds = loop.time(), 0
        while True:
            base_s = rounds * self.clip.duration_s
            for picture in self.clip.pictures:
                due_s = base_s + picture.send_s
                if self.spec.stall_after_s and due_s > self.spec.stall_after_s:
                    await asyncio.Event().wait()
                delay_s = start_s + due_s - loop.time()
                if delay_s > 0:
                    await asyncio.sleep(delay_s)
                elif delay_s < -1.0:  # the machine stood still: go on from now, do not burst
                    start_s = loop.time() - due_s
                self._send(picture, self._clock(due_s) + round(base_s * CLOCK_HZ) + picture.ticks)
            rounds += 1

    def _clock(self, due_s: float) -> int:
        """Return what the RTP clock shows at the clip's beginning."""
        jumped = self.spec.jump_after_s and due_s > self.spec.jump_after_s
        return _FIRST_TICKS + (3600 * CLOCK_HZ if jumped else 0)

    def _send(self, picture: Picture, ticks: int) -> None:
        packets = self._packets(picture, ticks)
        for key, client in list(self._clients.items()):
            if client.waits_for_keyframe and not picture.is_keyframe:
                continue
            client.waits_for_keyframe = False
            if not client.send(packets):
                self.leave(key)

    def _packets(self, picture: Picture, ticks: int) -> list[bytes]:
        last = len(picture.payloads) - 1
        packets = []
        for i, payload in enumerate(picture.payloads):
            kind = PAYLOAD_TYPE | (0x80 if i == last else 0)
            header = struct.pack(
                "!BBHII", 0x80, kind, self._sequence & 0xFFFF, ticks & 0xFFFFFFFF, self.ssrc
            )
            self._sequence += 1
            if self.spec.loss and self._random.random() < self.spec.loss:
                continue
            if self.spec.garbage:
                payload = self._random.randbytes(len(payload))
            packets.append(header + payload)
        return packets
