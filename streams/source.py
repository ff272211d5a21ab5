"""Opens cameras and clips and yields their packets; all reading of streams goes through PyAV here.

Two calls can block: opening and reading. Opening is cut short by libav's interrupt callback. For
reading that costs too much: PyAV's callback takes the GIL several times per RTP packet, measured as
0.15 % of a core per camera, a third of all demultiplexing. So a read ends at the socket's timeout,
which silence cannot outlast. What can is a name lookup, or a hostile camera that trickles bytes and
never completes a picture: `Camera` watches its readers for both, and then sets `strict_reads`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, Protocol, Self

import av
import av.error
from av.container import InputContainer
from av.packet import Packet as LibavPacket
from av.video.stream import VideoStream

from streams.decode import picture_size
from streams.errors import SourceEnded, SourceStalled, SourceUnavailable
from streams.nal import has_picture, join, leading_parameter_sets, length_size, sequence_sets
from streams.redact import redact, redact_text
from streams.timeline import DEFAULT_INTERVAL_S, Stamp, Timeline
from streams.types import CodecInfo, Packet

CODECS = ("h264", "hevc")
LIVE_SCHEMES = ("rtsp", "rtsps")
# A clip may be hostile: a playlist or an SDP file would make libav open other files and hosts.
_FILE_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,h264,hevc,flv,asf"
_LIVE_PROTOCOLS = "rtsp,rtsps,rtp,udp,tcp,tls,crypto"


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How to read a camera or a clip.

    Attributes:
        transport: RTP over "tcp" (interleaved) or "udp"; cameras only.
        open_timeout_s: Longest time until the stream is described and playing.
        read_timeout_s: Longest wait for one packet.
        pace: Clips only: "realtime" as filmed, "fast" as quick as the reader takes them.
        loop: Clips only: begin again at the end; every round is a new epoch.
        started_at: Clips only: aware UTC time at which the first picture was taken; default now.
        max_gap_s: A longer step of the stream's clock is a jump in time.
        strict_reads: Cut every read short by the interrupt callback, see the module's docstring.
    """

    transport: Literal["tcp", "udp"] = "tcp"
    open_timeout_s: float = 10.0
    read_timeout_s: float = 10.0
    pace: Literal["realtime", "fast"] = "realtime"
    loop: bool = False
    started_at: datetime | None = None
    max_gap_s: float = 5.0
    strict_reads: bool = False


@dataclass(slots=True)
class Session:
    """What outlives a reconnect of one camera: its clock, its epoch, and the order to stop.

    Attributes:
        epoch: Of the newest packet; -1 before the first.
        timeline: The camera's media clock; made by the first source that is opened.
        stop: Set it to end the iteration at the next packet, or while waiting to pace a clip.
        now: Wall clock, Unix seconds.
    """

    epoch: int = -1
    timeline: Timeline | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    now: Callable[[], float] = time.time


class PacketSource(Protocol):
    """An opened camera or clip: iterate it once, then close it."""

    @property
    def camera_id(self) -> str: ...

    @property
    def live(self) -> bool:
        """Whether packets come at their own time, as from a camera."""

    @property
    def codec(self) -> CodecInfo:
        """Parameters of the newest packet."""

    def __iter__(self) -> Iterator[Packet]:
        """Yield packets in decoding order; a clip ends, a camera raises.

        Raises:
            SourceStalled: Nothing came within `read_timeout_s`.
            SourceEnded: The camera closed the session, or a clip is damaged from here on.
        """

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def open_source(
    camera_id: str,
    url: str,
    options: SourceOptions | None = None,
    *,
    session: Session | None = None,
) -> PacketSource:
    """Open an RTSP address or the path of a clip, with H.264 or H.265 video in it.

    Raises:
        SourceUnavailable: Not reachable, not readable, or without such a video stream.
    """
    return _LibavSource(camera_id, url, options or SourceOptions(), session or Session())


def is_live(url: str) -> bool:
    """Return whether `url` is a camera's address rather than a clip's path."""
    return url.partition("://")[0].lower() in LIVE_SCHEMES and "://" in url


class _LibavSource:
    """`PacketSource` over one libav demuxer."""

    def __init__(self, camera_id: str, url: str, options: SourceOptions, session: Session) -> None:
        self.camera_id = camera_id
        self.live = is_live(url)
        self._url = url
        self._options = options
        self._session = session
        if session.timeline is None:
            session.timeline = Timeline(live=self.live, max_gap_s=_gap(options, live=self.live))
        self._timeline = session.timeline
        self._container, self._stream = self._open()
        self.codec = self._described_codec()
        self._paced_from: tuple[float, float] | None = None

    def __repr__(self) -> str:
        return f"PacketSource({self.camera_id!r}, {redact(self._url)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[Packet]:
        while True:
            self._new_epoch()
            count = 0
            for raw, data in self._read():
                if self._session.stop.is_set():  # its timeline may serve another reader by now
                    return
                count += 1
                yield self._packet(raw, data)
            if self._session.stop.is_set():
                return
            if self.live:
                raise SourceEnded(f"the camera closed the session, camera {self.camera_id}")
            if not count:
                raise SourceEnded(f"the clip holds no packets, camera {self.camera_id}")
            if not self._options.loop:
                return
            self._container.close()
            self._container, self._stream = self._open()

    def _open(self) -> tuple[InputContainer, VideoStream]:
        reason, began_s = "", time.monotonic()
        try:
            container = self._open_container()
            stream = next(iter(container.streams.video), None)
            name = stream.codec_context.name if stream is not None else "no video stream"
            if stream is not None and name in CODECS:
                return container, stream
            container.close()
            reason = f"video must be H.264 or H.265, got {name}"
        except (av.error.FFmpegError, OSError, ValueError) as error:
            reason = describe_error(error)
        if time.monotonic() - began_s >= self._options.open_timeout_s:
            reason = f"no answer within {self._options.open_timeout_s:g} s"
        # Raised outside the handler: libav's error holds the full address and must not be chained.
        raise SourceUnavailable(
            f"cannot open {redact(self._url)}: {reason}, camera {self.camera_id}"
        )

    def _open_container(self) -> InputContainer:
        options = self._options
        timeout = (options.open_timeout_s, options.read_timeout_s if options.strict_reads else None)
        if not self.live:
            clip = {"protocol_whitelist": "file", "format_whitelist": _FILE_FORMATS}
            return av.open(f"file:{self._url}", timeout=timeout, options=clip)
        rtsp = {
            "rtsp_transport": options.transport,
            "allowed_media_types": "video",
            "protocol_whitelist": _LIVE_PROTOCOLS,
            "timeout": str(int(options.read_timeout_s * 1_000_000)),
            "fpsprobesize": "0",  # the frame rate comes from the packets, waiting for it costs 1 s
        }
        return av.open(self._url, timeout=timeout, options=rtsp)

    def _described_codec(self) -> CodecInfo:
        context = self._stream.codec_context
        return CodecInfo(
            context.name, context.width, context.height, bytes(context.extradata or b"")
        )

    def _new_epoch(self) -> None:
        self._session.epoch += 1
        self._timeline.restart()
        self._base_s = float(self._stream.time_base or 0)
        self._first = True

    def _read(self) -> Iterator[tuple[LibavPacket[VideoStream], bytes]]:
        """Yield the packets that carry a picture, with a copy of their bytes."""
        check = self.live and not length_size(self.codec)
        waiting_s = time.monotonic()
        for raw in self._demux():
            data = bytes(raw)
            # When a read is cut short, libav's parser hands out what it has, picture or not.
            if not check or has_picture(self.codec.name, data):
                yield raw, data
                waiting_s = time.monotonic()
            elif time.monotonic() - waiting_s > self._options.read_timeout_s:
                raise self._stalled()

    def _demux(self) -> Iterator[LibavPacket[VideoStream]]:
        """Yield what libav reads; end where the stream ends."""
        reason, stalled = "", False
        try:
            for raw in self._container.demux(self._stream):
                if raw.size:  # the last one is empty
                    yield raw
            return
        except (av.error.ExitError, av.error.TimeoutError):
            stalled = True
        except (av.error.FFmpegError, OSError) as error:
            reason = describe_error(error)
        if stalled:
            raise self._stalled()
        raise SourceEnded(f"reading failed: {reason}, camera {self.camera_id}")

    def _stalled(self) -> SourceStalled:
        longest_s = self._options.read_timeout_s
        return SourceStalled(f"no picture within {longest_s:g} s, camera {self.camera_id}")

    def _packet(self, raw: LibavPacket[VideoStream], data: bytes) -> Packet:
        arrived_s = self._session.now()
        if raw.is_keyframe:
            self._watch_codec(raw, data)
        self._first = False
        started_at = self._options.started_at
        origin_s = started_at.timestamp() if started_at and not self.live else arrived_s
        place = self._timeline.place(_stamp(raw, self._base_s), origin_s)
        if place.jumped:
            self._session.epoch += 1
        if not self.live:
            self._wait_until_due(place.decode_s)
        return Packet(
            camera_id=self.camera_id,
            timestamp_s=place.timestamp_s,
            decode_s=place.decode_s,
            duration_s=place.duration_s,
            captured_at=datetime.fromtimestamp(arrived_s if self.live else place.timestamp_s, UTC),
            is_keyframe=raw.is_keyframe,
            data=data,
            codec=self.codec,
            epoch=self._session.epoch,
        )

    def _watch_codec(self, raw: LibavPacket[VideoStream], data: bytes) -> None:
        """Begin a new epoch where the sequence parameter set in force changes."""
        if raw.has_sidedata("new_extradata"):
            self._adopt(bytes(raw.get_sidedata("new_extradata")), data)
        elif not length_size(self.codec):
            sets = leading_parameter_sets(self.codec.name, data)
            sequence = sequence_sets(self.codec.name, sets)
            known = sequence_sets(
                self.codec.name, leading_parameter_sets(self.codec.name, self.codec.extradata)
            )
            if sequence and sequence != known:
                self._adopt(join(sets), data)

    def _adopt(self, extradata: bytes, keyframe: bytes) -> None:
        found = CodecInfo(self.codec.name, 0, 0, extradata)
        width, height = picture_size(found, keyframe)
        changed = (width, height) != (self.codec.width, self.codec.height)
        if self._first and not changed:  # the description and the stream differ in form only
            self.codec = CodecInfo(self.codec.name, width, height, extradata)
            return
        self.codec = CodecInfo(self.codec.name, width, height, extradata)
        if not self._first:
            self._session.epoch += 1

    def _wait_until_due(self, decode_s: float) -> None:
        if self._options.pace == "fast":
            return
        now_s = time.monotonic()
        if self._paced_from is None:
            self._paced_from = (decode_s, now_s)
        media_s, wall_s = self._paced_from
        self._session.stop.wait(max(0.0, wall_s + decode_s - media_s - now_s))


def describe_error(error: BaseException) -> str:
    """Return what libav or the system said, without the address that it said it about."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return redact_text(str(text))


def _gap(options: SourceOptions, *, live: bool) -> float:
    # A time-lapse or motion-triggered recording pauses honestly; only a live clock is held to 5 s.
    return options.max_gap_s if live else max(options.max_gap_s, 30.0)


def _stamp(raw: LibavPacket[VideoStream], base_s: float) -> Stamp:
    pts, dts, duration = raw.pts, raw.dts, raw.duration
    return Stamp(
        None if pts is None else pts * base_s,
        None if dts is None else dts * base_s,
        min(duration * base_s, 10.0) if duration else 0.0,
    )


__all__ = [
    "CODECS",
    "DEFAULT_INTERVAL_S",
    "PacketSource",
    "Session",
    "SourceOptions",
    "is_live",
    "open_source",
]
