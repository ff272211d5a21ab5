"""When a reader may rest: packets that wait in the socket are read together.

A thread that wakes for each of 25 pictures a second pays for each: the switch, the lock of the
interpreter, cold caches. Over TCP what comes meanwhile waits in the socket's buffer, a fifth of a
second of 8 Mbit/s is 200 kB, so a reader that is up to date loses nothing by a rest.
"""

from __future__ import annotations

_UP_TO_DATE_S = 0.1
"""Behind the best by no more than this is up to date: cameras send unevenly."""

_WAITED_S, _LATE_S = 0.015, 1.0
"""Who waited so long for a packet has read all there was: three times the interpreter's switch
interval. It may be late by the second value: the server or the way is slow then. Beyond, a wait may
as well be this machine's own."""

_PROBE_EVERY_S = 30.0
"""Clocks drift apart and ways become longer: so often all there is is read, without a rest."""

_NO_BETTER_S, _BETTER_BY_S = 0.5, 0.005
"""All is read when the best has not become better by so much for so long."""


class BurstPacer:
    """Tells the reader of one live stream how long it may rest.

    The stream's clock less the wall clock is greatest when nothing waits to be read. A reader
    that is behind that best reads on without a rest, until it has to wait for a packet.
    """

    def __init__(self, rest_s: float) -> None:
        """`rest_s` is how long a rest is, 0 for none."""
        self._rest_s = rest_s
        self._best_s = float("-inf")
        self._better_at_s = self._probed_s = float("-inf")
        self._probes = True

    def rest_s(self, stream_s: float, now_s: float, waited_s: float) -> float:
        """Seconds to rest after a packet.

        Args:
            stream_s: The packet's decoding time on the stream's own clock.
            now_s: A steady clock.
            waited_s: How long the packet was waited for.
        """
        lead_s = stream_s - now_s
        if now_s - self._probed_s >= _PROBE_EVERY_S:
            self._probes, self._probed_s, self._best_s = True, now_s, float("-inf")
        if lead_s > self._best_s + _BETTER_BY_S:
            self._best_s, self._better_at_s = lead_s, now_s
        if self._probes and now_s - self._better_at_s < _NO_BETTER_S:
            return 0.0
        self._probes = False
        behind_s = self._best_s - lead_s
        has_all = waited_s >= _WAITED_S and behind_s <= _LATE_S
        return self._rest_s if behind_s <= _UP_TO_DATE_S or has_all else 0.0
