"""Opens streams with libav and reads their packets; every call ends within a hard timeout.

Opening is cut short by libav's interrupt callback. For reading that costs too much: PyAV's callback
takes the GIL several times per RTP packet, measured as 0.15 % of a core per camera, a third of all
demultiplexing. So a read ends at the socket's timeout, which silence cannot outlast. What can is a
hostile camera that trickles bytes and never completes a picture; and opening can be outlasted by a
name lookup. `Camera` watches its readers for both, and reads such a camera with `strict_reads`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import av
import av.error
from av.container import InputContainer
from av.packet import Packet as LibavPacket
from av.video.stream import VideoStream

from streams.errors import SourceEnded, SourceStalled, SourceUnavailable
from streams.nal import has_picture, length_size
from streams.options import SourceOptions
from streams.redact import redact, redact_text
from streams.types import CodecInfo

CODECS = ("h264", "hevc")
LIVE_SCHEMES = ("rtsp", "rtsps")
# A clip may be hostile: a playlist or an SDP file would make libav open other files and hosts.
_FILE_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,h264,hevc,flv,asf"
_LIVE_PROTOCOLS = "rtsp,rtsps,rtp,udp,tcp,tls,crypto"


def is_live(url: str) -> bool:
    """Return whether `url` is a camera's address rather than a clip's path."""
    scheme, separator, _ = url.partition("://")
    return bool(separator) and scheme.lower() in LIVE_SCHEMES


class Demuxer:
    """One opened stream; its errors name the camera and never the account.

    Raises on construction:
        SourceUnavailable: Not reachable, not readable, or without H.264 or H.265 video.
    """

    def __init__(self, camera_id: str, url: str, options: SourceOptions) -> None:
        self._camera_id = camera_id
        self._url = url
        self._options = options
        self._live = is_live(url)
        self._container, self._stream = self._open()
        self.base_s = float(self._stream.time_base or 0)

    def close(self) -> None:
        """Close the stream; closing twice is no error."""
        self._container.close()

    def described_codec(self) -> CodecInfo:
        """Return what the container or the camera's description says."""
        context = self._stream.codec_context
        extradata = bytes(context.extradata or b"")
        return CodecInfo(context.name, context.width, context.height, extradata)

    def read(self) -> Iterator[tuple[LibavPacket[VideoStream], bytes]]:
        """Yield the packets that carry a picture, with a copy of their bytes.

        Raises:
            SourceStalled: No picture within `read_timeout_s`.
            SourceEnded: Reading failed; a good end is no error.
        """
        codec = self.described_codec()
        check = self._live and not length_size(codec)
        waiting_s = time.monotonic()
        for raw in self._packets():
            data = bytes(raw)
            # When a read is cut short, libav's parser hands out what it has, picture or not.
            if not check or has_picture(codec.name, data):
                yield raw, data
                waiting_s = time.monotonic()
            elif time.monotonic() - waiting_s > self._options.read_timeout_s:
                raise self._stalled()

    def _packets(self) -> Iterator[LibavPacket[VideoStream]]:
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
        raise SourceEnded(f"reading failed: {reason}, camera {self._camera_id}")

    def _stalled(self) -> SourceStalled:
        longest_s = self._options.read_timeout_s
        return SourceStalled(f"no picture within {longest_s:g} s, camera {self._camera_id}")

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
            f"cannot open {redact(self._url)}: {reason}, camera {self._camera_id}"
        )

    def _open_container(self) -> InputContainer:
        options = self._options
        timeout = (options.open_timeout_s, options.read_timeout_s if options.strict_reads else None)
        if not self._live:
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


def describe_error(error: BaseException) -> str:
    """Return what libav or the system said, without the address that it said it about."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return redact_text(str(text))
