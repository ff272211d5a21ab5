"""A camera's health as a pure state machine: fed with events and pictures' brightness."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from streams.types import ImageArray


class HealthState(StrEnum):
    """What can be said of a camera; the worst that holds is reported."""

    OK = "ok"
    CONNECTING = "connecting"
    OFFLINE = "offline"
    STALLED = "stalled"
    CORRUPT = "corrupt"
    BLACK = "black"
    FROZEN = "frozen"
    NO_KEYFRAMES = "no_keyframes"
    TIME_JUMP = "time_jump"
    CODEC_CHANGED = "codec_changed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Health:
    """One verdict on a camera.

    Attributes:
        state: The worst state that holds.
        reason: One sentence for the operator, without credentials.
        since_s: Clock reading when this state began.
    """

    state: HealthState
    reason: str
    since_s: float


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """When a condition counts; each needs time to appear and to go, so that states do not flutter.

    Attributes:
        dark_luma: Mean brightness (0-255) at or below which a picture may be black.
        dark_spread: Standard deviation that a black picture stays below; a night street has lamps.
        black_s: How long it must be black.
        frozen_s: How long the picture must not change at all.
        frozen_difference: Mean absolute change of the thumbnail (0-255) that counts as none. A live
            sensor's noise moves even an averaged thumbnail by more.
        frozen_glances: Fewest unchanged glances, so that slow glances cannot freeze a camera.
        corrupt_glances: Failed decodes in a row that count as corrupt.
        good_glances: Good glances in a row that clear black, frozen and corrupt.
        keyframe_s: Longest honest distance of keyframes.
        notice_s: How long a jump in time or a change of codec stays reported.
    """

    dark_luma: float = 18.0
    dark_spread: float = 4.0
    black_s: float = 10.0
    frozen_s: float = 60.0
    frozen_difference: float = 0.02
    frozen_glances: int = 5
    corrupt_glances: int = 2
    good_glances: int = 2
    keyframe_s: float = 12.0
    notice_s: float = 30.0


def _no_keyframe(late_s: float) -> str:
    return f"no keyframe for more than {late_s:g} s; every picture is decoded"


class HealthMonitor:
    """Keeps the health of one camera; not thread-safe, `Camera` holds a lock around it.

    `at_s` is one clock for all calls, non-decreasing; seconds.
    """

    def __init__(self, at_s: float, limits: HealthLimits | None = None) -> None:
        self.limits = limits or HealthLimits()
        self._link = Health(HealthState.CONNECTING, "connecting for the first time", at_s)
        self._codec = ""
        self._keyframe_s = at_s
        self._late: Health | None = None
        self._notice: Health | None = None
        self._picture: Health | None = None
        self._dark_since_s: float | None = None
        self._still_since_s: float | None = None
        self._still_glances = 0
        self._failed = 0
        self._good = 0
        self._thumbnail: ImageArray | None = None
        self._verdict = self._link

    def connecting(self, at_s: float, reason: str = "connecting") -> None:
        """A connection is being made; a known failure stays reported until it succeeds."""
        if self._link.state not in (HealthState.OFFLINE, HealthState.STALLED):
            self._set_link(HealthState.CONNECTING, reason, at_s)

    def connected(self, at_s: float, codec: str) -> None:
        """The stream is open; `codec` says what it carries, e.g. "h264 1920x1080"."""
        self._set_link(HealthState.OK, "", at_s)
        self._keyframe_s = at_s
        self._note_codec(at_s, codec)

    def offline(self, at_s: float, reason: str) -> None:
        """The camera cannot be reached, or it hung up."""
        self._set_link(HealthState.OFFLINE, reason, at_s)

    def stalled(self, at_s: float, reason: str) -> None:
        """The connection stands but nothing comes."""
        self._set_link(HealthState.STALLED, reason, at_s)

    def ended(self, at_s: float) -> None:
        """A clip came to its end."""
        self._set_link(HealthState.ENDED, "the clip came to its end", at_s)

    def keyframe(self, at_s: float) -> None:
        """A keyframe arrived."""
        self._keyframe_s = at_s

    def keyframes_late(self, at_s: float, late_s: float | None) -> None:
        """Keyframes come more than `late_s` apart, too rarely for the glances; None: in time."""
        if late_s is None:
            self._late = None
        elif self._late is None or self._late.reason != _no_keyframe(late_s):
            self._late = Health(HealthState.NO_KEYFRAMES, _no_keyframe(late_s), at_s)

    def time_jump(self, at_s: float) -> None:
        """The stream's clock jumped."""
        self._notice = Health(HealthState.TIME_JUMP, "the stream's clock jumped", at_s)

    def codec_changed(self, at_s: float, codec: str) -> None:
        """The stream changed to `codec` while it ran."""
        self._note_codec(at_s, codec)

    def glance_failed(self, at_s: float, reason: str) -> None:
        """A keyframe could not be decoded."""
        self._failed += 1
        self._good = 0
        if self._failed >= self.limits.corrupt_glances:
            self._set_picture(HealthState.CORRUPT, reason, at_s)

    def glanced(self, at_s: float, thumbnail: ImageArray) -> None:
        """A keyframe was decoded; `thumbnail` is its brightness, (H, W) uint8."""
        self._failed = 0
        dark = self._is_dark(thumbnail)
        still = self._is_still(thumbnail)
        self._dark_since_s = (self._dark_since_s or at_s) if dark else None
        self._still_since_s = (self._still_since_s or at_s) if still else None
        self._still_glances = self._still_glances + 1 if still else 0
        self._thumbnail = thumbnail
        limits = self.limits
        if self._dark_since_s is not None and at_s - self._dark_since_s >= limits.black_s:
            self._set_picture(HealthState.BLACK, "the picture is black", at_s)
        elif self._is_frozen(at_s):
            held_s = at_s - (self._still_since_s or at_s)
            reason = f"the same picture for more than {min(held_s, limits.frozen_s):.0f} s"
            self._set_picture(HealthState.FROZEN, reason, at_s)
        elif not (dark or still):
            self._good += 1
            if self._good >= limits.good_glances:
                self._picture = None
        elif self._picture is not None and self._picture.state is HealthState.CORRUPT:
            self._picture = None  # it decodes again; whether it is black or frozen shows later

    def read(self, at_s: float) -> Health:
        """Return the health now; its `since_s` stays while state and reason stay."""
        verdict = self._worst(at_s)
        if (verdict.state, verdict.reason) != (self._verdict.state, self._verdict.reason):
            self._verdict = verdict
        return self._verdict

    def _worst(self, at_s: float) -> Health:
        if self._link.state is not HealthState.OK:
            return self._link
        if self._picture is not None:
            return self._picture
        if self._late is not None:
            return self._late
        if at_s - self._keyframe_s > self.limits.keyframe_s:
            return Health(HealthState.NO_KEYFRAMES, _no_keyframe(self.limits.keyframe_s), at_s)
        if self._notice is not None and at_s - self._notice.since_s < self.limits.notice_s:
            return self._notice
        return Health(HealthState.OK, "", self._link.since_s)

    def _set_link(self, state: HealthState, reason: str, at_s: float) -> None:
        if state is not self._link.state or reason != self._link.reason:
            self._link = Health(state, reason, at_s)

    def _set_picture(self, state: HealthState, reason: str, at_s: float) -> None:
        self._good = 0
        if self._picture is None or self._picture.state is not state:
            self._picture = Health(state, reason, at_s)

    def _note_codec(self, at_s: float, codec: str) -> None:
        if self._codec and codec != self._codec:
            reason = f"the stream changed from {self._codec} to {codec}"
            self._notice = Health(HealthState.CODEC_CHANGED, reason, at_s)
        self._codec = codec

    def _is_dark(self, thumbnail: ImageArray) -> bool:
        limits = self.limits
        return bool(thumbnail.mean() <= limits.dark_luma and thumbnail.std() <= limits.dark_spread)

    def _is_still(self, thumbnail: ImageArray) -> bool:
        before = self._thumbnail
        if before is None or before.shape != thumbnail.shape:
            return False
        change = np.abs(thumbnail.astype(np.int16) - before.astype(np.int16)).mean()
        return bool(change <= self.limits.frozen_difference)

    def _is_frozen(self, at_s: float) -> bool:
        since_s, limits = self._still_since_s, self.limits
        long_enough = since_s is not None and at_s - since_s >= limits.frozen_s
        return long_enough and self._still_glances >= limits.frozen_glances
