"""What decoding a clip would cost a patrol, reckoned from the cost of each of its packets (pure).

The benchmark has to decode everything, to have a picture at the very second that is asked for. A
patrol does not: a glance decodes the newest keyframe, a look all packets from a keyframe on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.confirm.looks import SLOW_LOOK_FPS
from pipeline.engine.look_reader import KEYFRAMES_SERVE
from streams.camera import KEYFRAMES_TIMELY_S
from streams.health import HealthLimits

HOW = (
    "CPU seconds are those of this benchmark's own process: detecting, judging, looking back and "
    "making whole pictures of what is judged. Decoding is reckoned apart, from what each packet "
    "took on one thread. The patrol is charged with the newest keyframe of every glance and with "
    "all packets of its looks (slow looks: the keyframes, where they come often enough); where "
    "keyframes come too rarely for its glances, with everything. Paces in pictures per second are "
    "charged with everything. A held last picture costs no decoding, reading from a network is "
    "not in it."
)
"""For reports."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """One packet: its second, whether it is a keyframe, and the CPU seconds it took."""

    t_s: float
    is_keyframe: bool
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Look:
    """Full attention from one second to another, at so many pictures per second."""

    start_s: float
    end_s: float
    fps: float


def all_decoding_s(packets: Iterable[Decoded]) -> float:
    """CPU seconds of every packet."""
    return sum(p.cpu_s for p in packets)


def patrol_decoding_s(
    packets: Sequence[Decoded], glances: Iterable[float], looks: Iterable[Look], period_s: float
) -> float:
    """CPU seconds of what glances and looks would decode.

    Args:
        packets: Of the whole clip, on any clock; the first picture is at 0 of the other times.
        glances: Seconds of the clip.
        looks: May overlap: what several need is decoded once.
        period_s: Seconds between glances.
    """
    if not packets:
        return 0.0
    first_s = min(p.t_s for p in packets)
    rows = sorted((p.t_s - first_s, n) for n, p in enumerate(packets))
    keys = [(t_s, n) for t_s, n in rows if packets[n].is_keyframe]
    gap_s = _widest([t_s for t_s, _ in keys], rows[-1][0])
    if gap_s > min(HealthLimits().keyframe_s, max(2 * period_s, KEYFRAMES_TIMELY_S)):
        return all_decoding_s(packets)
    glanced = {key for t_s in glances if (key := _before(keys, t_s)) is not None}
    looked: set[int] = set()
    for look in looks:
        start = _before(keys, look.start_s)
        start_s = 0.0 if start is None else packets[start].t_s - first_s
        is_slow = look.fps <= SLOW_LOOK_FPS and gap_s <= KEYFRAMES_SERVE / look.fps
        looked |= {n for t_s, n in (keys if is_slow else rows) if start_s <= t_s <= look.end_s}
    return all_decoding_s(packets[n] for n in [*glanced, *looked])


def _before(keys: Sequence[tuple[float, int]], t_s: float) -> int | None:
    """Number of the newest keyframe at a second."""
    return next((n for at_s, n in reversed(keys) if at_s <= t_s + 1e-6), None)


def _widest(keys: Sequence[float], end_s: float) -> float:
    """Longest time without a keyframe, in seconds."""
    marks = [0.0, *keys, end_s]
    return max(b - a for a, b in pairwise(marks))
