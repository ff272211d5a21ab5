"""Decodes packets: one keyframe for a glance, or a run of packets for a look or a look-back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import av.error
from av.packet import Packet as LibavPacket
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from streams.errors import DecodeError
from streams.nal import (
    START_CODE,
    codec_parameter_sets,
    join,
    length_size,
    nal_type,
    split_annexb,
    units,
)
from streams.picture import Picture
from streams.types import CodecInfo, Packet

# 8K UHD. A forged parameter set may claim 16384 x 16384, for which libav would take 400 MB.
MAX_PIXELS = 7680 * 4320
_CLOCK = Fraction(1, 90_000)
_FINE_BYTES = 0.04
"""Bytes per pixel from which a keyframe of H.264 is quantised so finely that smoothing the borders
of its blocks changes next to nothing (1080p at 4 Mbit/s has 0.06): 0.5 of 255 steps in the mean,
3 in the 99th percentile, for an eighth of the decoding."""


def decode_picture(packet: Packet) -> Picture:
    """Decode one keyframe and leave it in YUV, for several crops and sizes from one decode.

    Raises:
        DecodeError: The bytes give no picture, or the parameter sets are missing.
    """
    decoder = FrameDecoder(deblock=not _is_fine(packet))
    pictures = [*decoder.decode(packet), *decoder.flush()]
    if not pictures:
        raise DecodeError(f"a keyframe must give a picture, got none, camera {packet.camera_id}")
    return pictures[0]


def decode_pictures(packets: Iterable[Packet], fps: float | None = None) -> Iterator[Picture]:
    """Decode packets that begin at a keyframe and yield pictures in order of presentation.

    With `PacketRing.follow` this is a live look from the ring's last keyframe on. Every packet is
    decoded; only the pictures that `fps` asks for are given (all when None). Damaged packets are
    skipped up to the next keyframe.
    """
    decoder = FrameDecoder()
    next_s = float("-inf")
    for picture in _pictures(decoder, packets):
        if fps is None:
            yield picture
        elif picture.timestamp_s >= next_s - 0.0005:  # 90 kHz stamps are rounded
            # On a fixed grid, so that 10 fps from 25 fps gives 10 and not 8.3 frames a second.
            late = picture.timestamp_s - next_s > 1.0 / fps
            next_s = (picture.timestamp_s if late else next_s) + 1.0 / fps
            yield picture


def decode_keyframes(packets: Iterable[Packet]) -> Iterator[Picture]:
    """Decode the keyframes among packets, each by itself; damaged ones are left out."""
    for packet in packets:
        if packet.is_keyframe:
            try:
                yield decode_picture(packet)
            except DecodeError:
                continue


def picture_size(codec: CodecInfo, keyframe: bytes) -> tuple[int, int]:
    """Return (width, height) that a keyframe really has, (0, 0) when it cannot be decoded."""
    try:
        context = _open(codec)
        raw = LibavPacket(keyframe)
        raw.pts = 0
        frames = [*context.decode(raw), *context.decode(None)]
    except (av.error.FFmpegError, ValueError, OSError):
        return 0, 0
    return (frames[0].width, frames[0].height) if frames else (0, 0)


class FrameDecoder:
    """Decodes the packets of one camera in decoding order; for one thread.

    It begins at a keyframe, and begins anew at every change of epoch and after damaged bytes, so
    that no invented picture reaches a detector. With `wait_for_keyframe=False` it takes what comes:
    pictures of a stream without keyframes are grey at first and fill in as they are refreshed.
    `deblock=False` leaves the borders of blocks as they are: for single keyframes.
    """

    def __init__(self, *, wait_for_keyframe: bool = True, deblock: bool = True) -> None:
        self._wait = wait_for_keyframe
        self._deblock = deblock
        self._context: VideoCodecContext | None = None
        self._epoch: int | None = None
        self._sent: dict[int, Packet] = {}
        self._base_s = 0.0
        self._newest_s = float("-inf")
        self.errors = 0

    def decode(self, packet: Packet) -> list[Picture]:
        """Decode one packet; pictures come out late when the stream has B-frames.

        Raises:
            DecodeError: The bytes were refused; the decoder goes on at the next keyframe.
        """
        pictures: list[Picture] = []
        if packet.epoch != self._epoch:
            pictures = self.flush()
            self._epoch = packet.epoch
        if self._context is None:
            if self._wait and not packet.is_keyframe:
                return pictures
            self._begin(packet)
        assert self._context is not None
        raw = LibavPacket(_without_messages(packet) if self._wait else packet.data)
        raw.time_base = _CLOCK
        raw.pts = round((packet.timestamp_s - self._base_s) * 90_000)
        self._remember(raw.pts, packet)
        return pictures + self._run(raw, packet.camera_id)

    def flush(self) -> list[Picture]:
        """Return the pictures that the decoder still holds, and close it."""
        if self._context is None:
            return []
        camera_id = next(iter(self._sent.values())).camera_id if self._sent else ""
        try:
            return self._run(None, camera_id)
        except DecodeError:
            return []
        finally:
            self.reset()

    def reset(self) -> None:
        """Forget the stream; go on at the next keyframe."""
        self._context = None
        self._sent.clear()

    def _begin(self, packet: Packet) -> None:
        try:
            self._context = _open(packet.codec, strict=self._wait and packet.codec.name == "hevc")
            if not self._deblock:
                self._context.options |= {"skip_loop_filter": "all"}
        except (av.error.FFmpegError, ValueError) as error:
            raise self._refused(error, packet.camera_id) from None
        self._base_s = packet.timestamp_s

    def _run(self, raw: LibavPacket[Stream] | None, camera_id: str) -> list[Picture]:
        assert self._context is not None
        try:
            frames = self._context.decode(raw)
        except (av.error.FFmpegError, ValueError, OSError) as error:
            if self._wait:
                self.reset()
            raise self._refused(error, camera_id) from None
        if self._wait and any(frame.is_corrupt for frame in frames):
            self.reset()
            raise self._refused(ValueError("the picture is damaged"), camera_id)
        return [picture for frame in frames if (picture := self._picture(frame)) is not None]

    def _refused(self, error: Exception, camera_id: str) -> DecodeError:
        self.errors += 1
        reason = getattr(error, "strerror", None) or str(error)
        return DecodeError(f"the decoder refused the bytes: {reason}, camera {camera_id}")

    def _remember(self, pts: int, packet: Packet) -> None:
        self._sent[pts] = packet
        if len(self._sent) > 64:  # deeper than any reorder buffer: those pictures never came out
            del self._sent[next(iter(self._sent))]

    def _picture(self, frame: VideoFrame) -> Picture | None:
        packet = self._sent.pop(frame.pts, None) if frame.pts is not None else None
        if packet is None or frame.width <= 0 or frame.height <= 0:
            return None
        self._newest_s = max(self._newest_s, packet.timestamp_s)
        return Picture(frame, packet.camera_id, self._newest_s, packet.captured_at, packet.epoch)


def _pictures(decoder: FrameDecoder, packets: Iterable[Packet]) -> Iterator[Picture]:
    for packet in packets:
        try:
            yield from decoder.decode(packet)
        except DecodeError:
            continue  # counted in `decoder.errors`; decoding goes on at the next keyframe
    yield from decoder.flush()


def _open(codec: CodecInfo, *, strict: bool = False) -> VideoCodecContext:
    """Return a decoder with one thread: a worker decodes many cameras side by side.

    A strict one refuses damaged slices. H.264 needs none: there the picture is marked as damaged.
    """
    context = av.CodecContext.create(codec.name, "r")
    if not isinstance(context, VideoCodecContext):
        raise ValueError(f"codec must be a video codec, got {codec.name!r}")
    context.thread_count = 1
    context.options = {"max_pixels": str(MAX_PIXELS)}
    if strict:
        context.options |= {"err_detect": "explode"}
    if codec.extradata:
        context.extradata = codec.extradata
    return context


def _is_fine(packet: Packet) -> bool:
    """Whether the keyframe is coded so finely that it looks the same without deblocking."""
    pixels = packet.codec.width * packet.codec.height
    return packet.codec.name == "h264" and pixels > 0 and len(packet.data) >= _FINE_BYTES * pixels


def annexb_keyframe(packet: Packet) -> bytes:
    """Return a keyframe as an Annex B stream that needs nothing else to be decoded."""
    body = packet.data if not length_size(packet.codec) else join(units(packet.codec, packet.data))
    if not body.startswith((START_CODE, START_CODE[1:])):
        body = START_CODE + body
    return join(codec_parameter_sets(packet.codec)) + body


def _without_messages(packet: Packet) -> bytes:
    """Return the bytes less H.265's SEI messages: a strict decoder stumbles over vendors' own."""
    if packet.codec.name != "hevc" or length_size(packet.codec):
        return packet.data
    nals = split_annexb(packet.data)
    return join([nal for nal in nals if nal_type("hevc", nal) not in (39, 40)])
