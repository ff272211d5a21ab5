"""Clock offsets of cameras, estimated from happenings that several of them saw.

Two cameras that see one stall arrive should say the same start. One pair says little: one view
was hidden for a while, the other glances every ten seconds. The median of many says the offset,
their spread says how far to trust it. Offsets between all cameras follow from the pairs by
relaxation: each camera takes the median of what its partners say, until nothing moves. The median
camera's offset is zero, because somebody's clock must be believed.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import numpy.typing as npt

from pipeline.ledger.types import Incident
from pipeline.types import Phase, Sighting

_RELAXATIONS = 30
_SETTLED_S = 0.1
_MAD_TO_SIGMA = 1.4826

_NEWS = 0.1
"""Share of the differences that must be new before offsets are estimated anew: one solution over
a city's cameras takes a good part of a second, and a few differences more change nothing."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClockLimits:
    """When an estimate is believed, and how much is remembered.

    Attributes:
        min_pairs: Differences that a camera needs before it is corrected.
        min_offset_s: Offsets below this are left alone.
        max_offset_s: Larger ones are reported, not corrected: a time zone is set by hand.
        certainty: Offset over its standard error from which it is believed.
        per_pair: Differences remembered per pair of cameras.
        max_pairs: Pairs of cameras remembered, least recently used forgotten first.
        max_sightings: Sightings remembered as learnt from.
    """

    min_pairs: int = 6
    min_offset_s: float = 1.5
    max_offset_s: float = 120.0
    certainty: float = 3.0
    per_pair: int = 40
    max_pairs: int = 20_000
    max_sightings: int = 50_000


@dataclass(frozen=True, slots=True)
class ClockReport:
    """What is known about one camera's clock.

    Attributes:
        camera_id: Which.
        offset_s: How far it is ahead.
        error_s: Standard error of that.
        pairs: Differences behind it.
        corrected: Whether fusion takes the offset off its times.
        too_far: It is sure, and larger than what is corrected: somebody must set the clock.
    """

    camera_id: str
    offset_s: float
    error_s: float
    pairs: int
    corrected: bool
    too_far: bool = False


class ClockWatch:
    """Learns how far each camera's clock is ahead; the `Clocks` of the policy.

    Not safe for threads, but for `latest`: one fusion process owns one. Rebuilt after a restart
    by learning from the ledger's recent incidents.
    """

    def __init__(self, limits: ClockLimits | None = None) -> None:
        self._limits = limits or ClockLimits()
        self._pairs: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._learnt: OrderedDict[tuple[UUID, UUID, bool], None] = OrderedDict()
        self._reports: dict[str, ClockReport] = {}
        self._count = 0
        self._fresh = 0

    def offset_s(self, camera_id: str) -> float:
        """Seconds to take off the camera's times; 0 while the offset is small or doubtful."""
        report = self._estimates().get(camera_id)
        return report.offset_s if report and report.corrected else 0.0

    def reports(self) -> tuple[ClockReport, ...]:
        """All cameras that shared a happening with another, the worst clock first."""
        return tuple(sorted(self._estimates().values(), key=lambda r: -abs(r.offset_s)))

    @property
    def latest(self) -> tuple[ClockReport, ...]:
        """As `reports`, as it stood when fusion last needed an offset; any thread may ask."""
        return tuple(sorted(self._reports.values(), key=lambda r: -abs(r.offset_s)))

    def learn(self, incident: Incident) -> None:
        """Take the differences between the incident's cameras; repeated calls learn once."""
        seen = [placed.sighting for placed in incident.sightings]
        firsts = _earliest(seen)
        for index, one in enumerate(firsts):
            for other in firsts[index + 1 :]:
                self._compare(one, other)

    def rebuild(self, incidents: Iterable[Incident]) -> None:
        """Learn from the ledger's recent incidents, oldest first."""
        for incident in sorted(incidents, key=lambda i: i.started_at):
            self.learn(incident)

    def _compare(self, one: Sighting, other: Sighting) -> None:
        first, second = sorted((one, other), key=lambda s: s.view.camera_id)
        self._take(first, second, _start_s(first) - _start_s(second), ended=False)
        if first.ended_at and second.ended_at and first.phase is second.phase is Phase.ENDED:
            difference = (first.ended_at - second.ended_at).total_seconds()
            self._take(first, second, difference, ended=True)

    def _take(self, first: Sighting, second: Sighting, difference_s: float, *, ended: bool) -> None:
        key = (first.sighting_id, second.sighting_id, ended)
        if key in self._learnt:
            return
        self._learnt[key] = None
        if len(self._learnt) > self._limits.max_sightings:
            self._learnt.popitem(last=False)
        pair = (first.view.camera_id, second.view.camera_id)
        known = self._pairs.setdefault(pair, deque(maxlen=self._limits.per_pair))
        self._count += len(known) < self._limits.per_pair
        self._fresh += 1
        known.append(difference_s)
        self._pairs.move_to_end(pair)
        if len(self._pairs) > self._limits.max_pairs:
            _, forgotten = self._pairs.popitem(last=False)
            self._count -= len(forgotten)

    def _estimates(self) -> dict[str, ClockReport]:
        if self._fresh > _NEWS * self._count:
            self._reports, self._fresh = self._solve(), 0
        return self._reports

    def _solve(self) -> dict[str, ClockReport]:
        cameras = sorted({camera for pair in self._pairs for camera in pair})
        said = self._said({camera: number for number, camera in enumerate(cameras)})
        offsets = np.zeros(len(cameras))
        for _ in range(_RELAXATIONS):
            moved = 0.0
            for number, (differences, others) in enumerate(said):
                offset = _median(differences + offsets[others])
                moved, offsets[number] = max(moved, abs(offset - offsets[number])), offset
            if moved < _SETTLED_S:
                break
        middle = _median(offsets)
        return {
            camera: self._report(
                camera,
                offsets[number] - middle,
                np.abs(said[number][0] + offsets[said[number][1]] - offsets[number]),
            )
            for number, camera in enumerate(cameras)
        }

    def _said(self, numbers: dict[str, int]) -> list[tuple[Array, npt.NDArray[np.intp]]]:
        """By camera: how far it was ahead of others, and the number of the other, each time."""
        parts: list[list[tuple[Array, int]]] = [[] for _ in numbers]
        for (first, second), differences in self._pairs.items():
            ahead = np.array(differences)
            parts[numbers[first]].append((ahead, numbers[second]))
            parts[numbers[second]].append((-ahead, numbers[first]))
        return [
            (
                np.concatenate([ahead for ahead, _ in of_camera]),
                np.repeat([other for _, other in of_camera], [len(a) for a, _ in of_camera]),
            )
            for of_camera in parts
        ]

    def _report(self, camera: str, offset: float, residuals: Array) -> ClockReport:
        sigma = _MAD_TO_SIGMA * _median(residuals)
        error = max(sigma, 0.5) * math.sqrt(math.pi / 2) / math.sqrt(len(residuals))
        limits = self._limits
        believed = len(residuals) >= limits.min_pairs and abs(offset) >= limits.certainty * error
        corrected = believed and limits.min_offset_s <= abs(offset) <= limits.max_offset_s
        too_far = believed and abs(offset) > limits.max_offset_s
        return ClockReport(
            camera, float(offset), error, len(residuals), bool(corrected), bool(too_far)
        )


def _median(values: Array) -> float:
    """As `statistics.median`; `np.median` takes several times as long for so few."""
    half = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, half)[half])
    return float(np.partition(values, (half - 1, half))[half - 1 : half + 1].mean())


def _start_s(sighting: Sighting) -> float:
    return sighting.started_at.timestamp()


def _earliest(sightings: Iterable[Sighting]) -> list[Sighting]:
    """The first sighting of each camera: later ones say when it looked again."""
    firsts: dict[str, Sighting] = {}
    for sighting in sorted(sightings, key=_start_s):
        firsts.setdefault(sighting.view.camera_id, sighting)
    return list(firsts.values())
