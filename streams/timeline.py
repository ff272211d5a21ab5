"""Maps a stream's own clock to the camera's media time, across missing stamps, jumps and loops."""

from dataclasses import dataclass

DEFAULT_INTERVAL_S = 0.04
# Decoding times never go back in an honest stream. Presentation times do, by the depth of the
# B-frame reorder buffer: at most 16 pictures (H.264 A.3.1), below 1 s at street cameras' rates.
_BACKWARD_DTS_S = 0.2
_BACKWARD_PTS_S = 1.0
_DEEPEST_REORDER_S = 0.64


@dataclass(frozen=True, slots=True)
class Stamp:
    """The times that a container gave to one packet, in seconds; None when it gave none."""

    pts_s: float | None
    dts_s: float | None
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a packet lies on the camera's media clock.

    Attributes:
        timestamp_s: Presentation time, see `streams.types.Frame.timestamp_s`.
        decode_s: Decoding time, non-decreasing.
        duration_s: Nominal time to the next picture.
        jumped: The stream's clock jumped here; media time goes on from the last packet.
    """

    timestamp_s: float
    decode_s: float
    duration_s: float
    jumped: bool = False


class Timeline:
    """One camera's media clock; it outlives reconnects so that media time never runs backwards."""

    def __init__(self, *, live: bool, max_gap_s: float = 5.0) -> None:
        """A gap above `max_gap_s` (live: above the wall clock's own gap by as much) is a jump."""
        self._live = live
        self._max_gap_s = max_gap_s
        self._offset_s: float | None = None
        self._segment_start_s = float("-inf")
        self._newest_s: float | None = None
        self._decode_s = float("-inf")
        self._last_pts_s: float | None = None
        self._last_dts_s: float | None = None
        self._arrived_s = 0.0
        self._interval_s = DEFAULT_INTERVAL_S

    def restart(self) -> None:
        """Let the next packet begin a new stretch: after a reconnect or at the loop of a file."""
        self._offset_s = None
        self._last_pts_s = self._last_dts_s = None

    def place(self, stamp: Stamp, arrived_s: float) -> Place:
        """Place the next packet in decoding order; `arrived_s` is the wall clock (Unix time)."""
        jumped = self._jumps(stamp, arrived_s)
        if jumped:
            self.restart()
        stamp = self._complete(stamp)
        if self._offset_s is None:
            self._begin(stamp, arrived_s)
        return self._advance(stamp, arrived_s, jumped)

    def _jumps(self, stamp: Stamp, arrived_s: float) -> bool:
        """Compare like with like: decoding times if both packets have them, else presentation."""
        waited = max(0.0, arrived_s - self._arrived_s) if self._live else 0.0
        if stamp.dts_s is not None and self._last_dts_s is not None:
            step, back = stamp.dts_s - self._last_dts_s, _BACKWARD_DTS_S
        elif stamp.pts_s is not None and self._last_pts_s is not None:
            step, back = stamp.pts_s - self._last_pts_s, _BACKWARD_PTS_S
        else:
            return False
        return step < -back or step > self._max_gap_s + waited

    def _complete(self, stamp: Stamp) -> Stamp:
        """Fill in what the container left out."""
        if stamp.pts_s is not None:
            return stamp
        if stamp.dts_s is not None:
            return Stamp(stamp.dts_s, stamp.dts_s, stamp.duration_s)
        last_s = self._last_dts_s if self._last_dts_s is not None else self._last_pts_s
        guess = 0.0 if last_s is None else last_s + self._interval_s
        return Stamp(guess, guess, stamp.duration_s)

    def _begin(self, stamp: Stamp, arrived_s: float) -> None:
        assert stamp.pts_s is not None
        if self._newest_s is None:
            start_s = arrived_s
        else:
            start_s = self._newest_s + self._interval_s
            if self._live:
                start_s = max(start_s, arrived_s)
        self._offset_s = start_s - stamp.pts_s
        self._segment_start_s = start_s

    def _advance(self, stamp: Stamp, arrived_s: float, jumped: bool) -> Place:
        assert stamp.pts_s is not None
        assert self._offset_s is not None
        self._learn_interval(stamp)
        timestamp_s = max(stamp.pts_s + self._offset_s, self._segment_start_s)
        if stamp.dts_s is not None:
            self._decode_s = max(self._decode_s, stamp.dts_s + self._offset_s)
        elif self._decode_s == float("-inf"):
            self._decode_s = timestamp_s
        else:
            self._decode_s = max(self._decode_s, timestamp_s - _DEEPEST_REORDER_S)
        timestamp_s = max(timestamp_s, self._decode_s)
        self._newest_s = max(self._newest_s or timestamp_s, timestamp_s)
        self._last_pts_s = stamp.pts_s
        self._last_dts_s = stamp.dts_s
        self._arrived_s = arrived_s
        return Place(timestamp_s, self._decode_s, stamp.duration_s or self._interval_s, jumped)

    def _learn_interval(self, stamp: Stamp) -> None:
        if stamp.duration_s > 0:
            self._interval_s = stamp.duration_s
            return
        last_s, now_s = self._last_dts_s, stamp.dts_s
        if last_s is None or now_s is None:
            last_s, now_s = self._last_pts_s, stamp.pts_s
        if last_s is not None and now_s is not None and 0 < now_s - last_s <= 1.0:
            self._interval_s = now_s - last_s
