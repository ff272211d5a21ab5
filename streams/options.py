"""How cameras and clips are read: the settings of `streams.source` and `streams.camera`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from streams.backoff import Backoff
from streams.health import HealthLimits


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How to read a camera or a clip.

    Attributes:
        transport: RTP over "tcp" (interleaved) or "udp"; cameras only.
        open_timeout_s: Longest wait for the description and, once more, for the first pictures.
        read_timeout_s: Longest wait for one picture.
        pace: Clips only: "realtime" as filmed, "fast" as quick as the reader takes them.
        loop: Clips only: begin again at the end; every round is a new epoch.
        started_at: Clips only: aware UTC time at which the first picture was taken; default now.
        max_gap_s: A longer step of the stream's clock is a jump in time.
        burst_s: Cameras over TCP only: how long a reader that is up to date rests, see
            `streams.bursts`; pictures come later by up to 0.1 s more. 0: it never rests.
        strict_reads: Cut every read short by libav's interrupt callback, see `streams.demux`.
    """

    transport: Literal["tcp", "udp"] = "tcp"
    open_timeout_s: float = 10.0
    read_timeout_s: float = 10.0
    pace: Literal["realtime", "fast"] = "realtime"
    loop: bool = False
    started_at: datetime | None = None
    max_gap_s: float = 5.0
    burst_s: float = 0.2
    strict_reads: bool = False


@dataclass(frozen=True, slots=True)
class CameraOptions:
    """How one camera is kept.

    Attributes:
        source: How it is opened and read.
        ring_s: Seconds of packets kept.
        ring_bytes: Bytes of packets kept.
        backoff: Waits between attempts to connect.
        health: Limits of the health states.
    """

    source: SourceOptions = field(default_factory=SourceOptions)
    ring_s: float = 30.0
    ring_bytes: int = 32 * 1024 * 1024
    backoff: Backoff = field(default_factory=Backoff)
    health: HealthLimits = field(default_factory=HealthLimits)
