"""What the cameras of the square report: noisy boxes, hidden feet, wrong clocks, late and lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from uuid import UUID, uuid5

import numpy as np
import numpy.typing as npt

from bench.fusion_square import IMAGE, Happening, Square, View
from pipeline.types import Box, Phase, Reason, Sighting

Array = npt.NDArray[np.float64]

DAY = datetime(2026, 5, 1, 15, 40, tzinfo=UTC)
"""23:40 in Beijing: half of every run lies after midnight there."""

_NAMESPACE = UUID("b1d1c1f0-7b67-5d3e-8d6e-1c6f5f9c2a11")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong, as shares and seconds.

    Attributes:
        box_px: Standard deviation of a box edge.
        box_share: The same as a share of the box's height.
        hidden_foot: Share of sightings whose foot something hides, by up to a fifth.
        hidden_side: Share of sightings whose side something hides, by up to a third.
        hidden_wholly: Share of (view, happening) pairs hidden for a minute or five.
        broken_track: Share of sightings that the view drops and takes up again.
        clock_s: Clocks are off by up to this.
        late: Share of messages late by up to ten minutes.
        lost: Share of messages that never arrive.
        unseen: Share of (view, happening) pairs that the view misses altogether.
        nearest_px: A box lower than this is not detected.
    """

    box_px: float = 2.0
    box_share: float = 0.03
    hidden_foot: float = 0.08
    hidden_side: float = 0.10
    hidden_wholly: float = 0.20
    broken_track: float = 0.12
    clock_s: float = 25.0
    late: float = 0.06
    lost: float = 0.04
    unseen: float = 0.06
    nearest_px: float = 16.0


@dataclass(frozen=True, slots=True)
class Message:
    """A sighting on its way.

    Attributes:
        arrives_s: When fusion gets it, seconds of the run.
        sighting: What it says.
        happening: The truth.
        distance_m: From the lens to the happening.
    """

    arrives_s: float
    sighting: Sighting
    happening: int
    distance_m: float


@dataclass(frozen=True, slots=True, eq=False)
class _Claim:
    """One unbroken sighting in the making."""

    view: View
    happening: Happening
    times_s: Array
    ended_s: float | None
    trouble: Trouble
    clock_s: float


def report(square: Square, trouble: Trouble, random: np.random.Generator) -> list[Message]:
    """Every message of a run in the order of arrival."""
    cameras = sorted({view.key.camera_id for view in square.views})
    clocks = {camera: random.uniform(-trouble.clock_s, trouble.clock_s) for camera in cameras}
    sent = [
        message
        for view in square.views
        for happening in square.happenings
        for claim in _claims(view, happening, (trouble, clocks[view.key.camera_id]), random)
        for message in _messages(claim, random)
    ]
    arrived = [m for m in sent if random.random() >= trouble.lost]
    return sorted(arrived, key=lambda m: m.arrives_s)


def _claims(
    view: View, happening: Happening, how: tuple[Trouble, float], random: np.random.Generator
) -> Iterator[_Claim]:
    trouble, clock_s = how
    box = view.box(happening)
    if box is None or box[3] - box[1] < trouble.nearest_px or random.random() < trouble.unseen:
        return
    seen, clear = _seen_and_clear(view, happening, random, trouble)
    tracks = _tracks(seen, random, trouble)
    for times, following in zip_longest(tracks, tracks[1:]):
        if times[-1] - times[0] < 60:
            continue
        after = clear[clear > times[-1]]
        ended = float(after[1]) if len(after) > 1 else None
        if following is not None:
            ended = float(times[-1]) + 5.0
        yield _Claim(view, happening, times, ended, trouble, clock_s)


def _seen_and_clear(
    view: View, happening: Happening, random: np.random.Generator, trouble: Trouble
) -> tuple[Array, Array]:
    """Glances that show it, and glances that show its place clear."""
    glances = view.glances_s
    there = (glances >= happening.start_s) & (glances < happening.end_s)
    if random.random() < trouble.hidden_wholly:
        begin = random.uniform(happening.start_s - 60, happening.end_s)
        hidden = (glances >= begin) & (glances < begin + random.uniform(60, 300))
        return glances[there & ~hidden], glances[~there & ~hidden]
    return glances[there], glances[~there]


def _tracks(seen: Array, random: np.random.Generator, trouble: Trouble) -> list[Array]:
    """The glances of one sighting, or of two when the view loses it on the way."""
    if len(seen) < 4:
        return []
    if random.random() >= trouble.broken_track:
        return [seen]
    cut = int(random.integers(2, len(seen) - 1))
    return [seen[:cut], seen[cut:]]


def _messages(claim: _Claim, random: np.random.Generator) -> Iterator[Message]:
    """Started after a minute's dwell, updated now and then, ended when the place was clear."""
    hide = _hiding(claim, random)
    confirmed = claim.times_s[claim.times_s >= claim.times_s[0] + 60]
    told = [confirmed[0], *_every_five_minutes(confirmed)]
    first = _sighting(claim, float(told[0]), hide, random)
    for sequence, at in enumerate(told):
        sighting = _sighting(claim, float(at), hide, random)
        phase = Phase.UPDATED if sequence else Phase.STARTED
        yield _sent(claim, replace(sighting, sequence=sequence, phase=phase), float(at), random)
    if claim.ended_s is not None:
        ended_at = _clock(claim, claim.ended_s)
        last = _sighting(claim, float(told[-1]), hide, random)
        ended = replace(
            last, sequence=len(told), phase=Phase.ENDED, observed_at=ended_at, ended_at=ended_at,
            sighting_id=first.sighting_id,
        )  # fmt: skip
        yield _sent(claim, ended, claim.ended_s, random)


def _every_five_minutes(times_s: Array) -> list[float]:
    told, last = [], float(times_s[0])
    for at in times_s[1:]:
        if at - last >= 300:
            told.append(float(at))
            last = float(at)
    return told


def _hiding(claim: _Claim, random: np.random.Generator) -> tuple[float, float, float]:
    """Shares of the box hidden from below, from the left and from the right; for its whole life."""
    below = random.uniform(0.05, 0.2) if random.random() < claim.trouble.hidden_foot else 0.0
    side = random.uniform(0.1, 0.33) if random.random() < claim.trouble.hidden_side else 0.0
    return (below, side, 0.0) if random.random() < 0.5 else (below, 0.0, side)


def _sighting(
    claim: _Claim, at_s: float, hide: tuple[float, float, float], random: np.random.Generator
) -> Sighting:
    started = _clock(claim, float(claim.times_s[0]))
    seen = _clock(claim, at_s)
    view, happening = claim.view.key, claim.happening
    name = f"{view}/{happening.number}/{happening.spot_m}/{claim.times_s[0]}"
    return Sighting(
        sighting_id=uuid5(_NAMESPACE, name), sequence=0, phase=Phase.STARTED, view=view,
        zone_id="square", type=happening.type, subtype=None,
        xyxy_norm=_box(claim, hide, random), started_at=started,
        confirmed_at=_clock(claim, float(claim.times_s[0]) + 60), observed_at=seen, ended_at=None,
        timestamp_s=seen.timestamp(), started_s=started.timestamp(),
        confidence=float(random.uniform(0.55, 0.95)), severity=2,
        reasons=(Reason("stall_still", 1.0),), measures={}, model="bench@0",
    )  # fmt: skip


def _box(claim: _Claim, hide: tuple[float, float, float], random: np.random.Generator) -> Box:
    exact = claim.view.box(claim.happening)
    assert exact is not None
    x1, y1, x2, y2 = exact
    below, left, right = hide
    width, height = x2 - x1, y2 - y1
    x1, x2, y2 = x1 + left * width, x2 - right * width, y2 - below * height
    sigma = np.hypot(claim.trouble.box_px, claim.trouble.box_share * height)
    x1, y1, x2, y2 = np.array([x1, y1, x2, y2]) + random.normal(0, sigma, 4)
    return (x1 / IMAGE[0], y1 / IMAGE[1], max(x2, x1 + 2) / IMAGE[0], max(y2, y1 + 2) / IMAGE[1])


def _sent(claim: _Claim, sighting: Sighting, at_s: float, random: np.random.Generator) -> Message:
    delay = float(random.exponential(1.0))
    if random.random() < claim.trouble.late:
        delay += float(random.uniform(30, 600))
    distance = claim.view.distance_m(claim.happening)
    return Message(at_s + delay, sighting, claim.happening.number, distance)


def _clock(claim: _Claim, at_s: float) -> datetime:
    return DAY + timedelta(seconds=at_s + claim.clock_s)
