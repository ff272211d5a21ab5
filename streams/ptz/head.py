"""The port of a camera head: where it points, where it can go, and what goes wrong.

StreamError
└── HeadError             base of everything a head raises
    ├── HeadUnreachable   no answer within the timeout, or not this protocol: retry later
    └── HeadRefused       the device understood and said no: wrong password, unknown preset
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from streams.errors import StreamError


class HeadError(StreamError):
    """Base of everything a camera head raises; the message never holds credentials."""


class HeadUnreachable(HeadError):
    """The device does not answer in time; trying again later may help."""


class HeadRefused(HeadError):
    """The device understood and refused; trying again will not help."""


@dataclass(frozen=True, slots=True)
class Pointing:
    """Where a head points, in ONVIF's generic spaces.

    Attributes:
        pan: -1 (left stop) to 1 (right stop).
        tilt: -1 (down) to 1 (up).
        zoom: 0 (wide) to 1 (long).
    """

    pan: float
    tilt: float
    zoom: float


@dataclass(frozen=True, slots=True)
class HeadPreset:
    """A position stored in the device: its token, its name, and where it is if the device says."""

    token: str
    name: str
    pointing: Pointing | None = None


@dataclass(frozen=True, slots=True)
class HeadStatus:
    """What the device says of itself; `moving` is None when it does not say."""

    pointing: Pointing | None
    moving: bool | None


@dataclass(frozen=True, slots=True)
class ViewStep:
    """A move measured in the picture that is seen now.

    Attributes:
        right: Fraction of the picture's width, -1..1; 0.5 brings the right edge to the middle.
        down: Fraction of the picture's height, -1..1.
        closer: How many times larger things shall be afterwards; 1 keeps the zoom.
    """

    right: float
    down: float
    closer: float = 1.0


class PtzHead(Protocol):
    """A head that pans, tilts and zooms. Every call has a timeout and may raise `HeadError`."""

    @property
    def can_step(self) -> bool:
        """Whether `step` works."""
        ...

    def presets(self) -> tuple[HeadPreset, ...]:
        """All positions stored in the device."""
        ...

    def goto(self, token: str) -> None:
        """Start moving to a preset; returns before it arrives."""
        ...

    def status(self) -> HeadStatus:
        """Where it points and whether it moves, as far as the device knows."""
        ...

    def step(self, step: ViewStep) -> None:
        """Start moving relative to the picture seen now."""
        ...

    def stop(self) -> None:
        """Stop every movement."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...
