"""Which alarm answers which true incident: the benchmark's matching rule, optimal and pure.

The rule. An alarm can answer an incident of the same type when

* time: it is raised no earlier than `guard_s` before the incident begins and no later than
  `late_s` after it ends. The guard of 5 s is that of the MIVIA lab's video contests (ONFIRE 2023:
  a detection at instant p of a positive clip counts when p >= max(0, g - 5 s), g the labelled
  begin; earlier ones are false positives; p - g is the notification delay);
* place: at least `min_cover` of the smaller of both boxes lies in the other one. The smaller one,
  because the true box of something that moves is the union over its way, and an alarm knows a
  moment. An incident of a whole zone (crowding) is answered anywhere in its box by this rule too.

Among all one-to-one assignments the one with the most pairs is taken, and of those the one whose
pairs agree best in time and place (Hungarian method: Kuhn 1955, as in the CLEAR MOT metrics of
Bernardin and Stiefelhagen 2008). An alarm without an incident is a *duplicate* when it could answer
one that is answered already, else a *false alarm*; an entry that is opened again answers an
incident like any alarm, and is no second one where it answers nothing. An incident without an
alarm is *missed*. Delay counts from the dwell's end, and the dwell from the first second at which
the view shows the incident; an alarm before that is on time (delay 0). Incidents and times that the
truth calls uncertain neither help nor harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from bench.incidents.alarms import Alarm, BoxNorm
from sample_videos.truth import NearMiss, Truth, TruthIncident

_PAIR = 1000.0
"""Worth of one more pair; more than all agreement together."""


@dataclass(frozen=True, slots=True)
class MatchRule:
    """Tolerances of the matching.

    Attributes:
        guard_s: An alarm may come this long before the labelled begin.
        late_s: An alarm may come this long after the incident is over.
        min_cover: Share of the smaller box that must lie in the other.
    """

    guard_s: float = 5.0
    late_s: float = 15.0
    min_cover: float = 0.3


@dataclass(frozen=True, slots=True)
class Pair:
    """An incident and the alarm that answers it."""

    incident: TruthIncident
    alarm: Alarm

    @property
    def delay_s(self) -> float:
        """From the moment the alarm was due to the moment it was raised, >= 0."""
        return max(0.0, self.alarm.raised_s - self.incident.due_s)

    @property
    def since_begin_s(self) -> float:
        """The same, as if the view had shown the incident from its begin on, >= 0."""
        return max(0.0, self.alarm.raised_s - self.incident.begin_s - self.incident.dwell_s)

    @property
    def end_error_s(self) -> float | None:
        """Reported end minus true end; None unless both are known."""
        if self.alarm.ended_s is None or self.incident.end_s is None:
            return None
        return self.alarm.ended_s - self.incident.end_s


@dataclass(frozen=True, slots=True)
class FalseAlarm:
    """An alarm that answers nothing, and the look-alike that explains it, if any."""

    alarm: Alarm
    near_miss: str | None


@dataclass(frozen=True, slots=True)
class Matching:
    """The outcome for one clip.

    Attributes:
        pairs: Incidents found.
        missed: Incidents without an alarm.
        duplicates: (alarm, id of the incident that was answered already).
        false_alarms: Alarms that answer nothing.
        merged: Ids of missed incidents whose only alarm was spent on another one.
        ignored: Alarms on what the truth calls uncertain or has not annotated.
    """

    pairs: tuple[Pair, ...]
    missed: tuple[TruthIncident, ...]
    duplicates: tuple[tuple[Alarm, str], ...]
    false_alarms: tuple[FalseAlarm, ...]
    merged: tuple[str, ...]
    ignored: tuple[Alarm, ...]


def match(truth: Truth, alarms: Sequence[Alarm], rule: MatchRule | None = None) -> Matching:
    """Match a clip's alarms with its incidents by the rule above."""
    rule = rule or MatchRule()
    first, last = truth.clip.usable_s or (0.0, truth.clip.duration_s)
    # Beyond the clip's end a late alarm is late; beyond what is annotated nobody knows.
    until_s = last if truth.clip.usable_s else last + rule.late_s
    heard = [a for a in alarms if first <= a.raised_s <= until_s]
    ignored = [a for a in alarms if a not in heard]
    incidents = list(truth.incidents)
    possible = np.array(
        [[_admissible(i, a, last, rule) for a in heard] for i in incidents], dtype=bool
    ).reshape(len(incidents), len(heard))
    rows, columns = _assign(incidents, heard, possible, last)
    answered = dict(zip(rows, columns, strict=True))
    used = set(columns)
    pairs, missed, merged = [], [], []
    for row, incident in enumerate(incidents):
        if row in answered:
            if incident.certain:
                pairs.append(Pair(incident, heard[answered[row]]))
            else:
                ignored.append(heard[answered[row]])
        elif incident.certain:
            missed.append(incident)
            if possible[row].any():
                merged.append(incident.id)
    duplicates, false_alarms = [], []
    for column, alarm in enumerate(heard):
        if column in used:
            continue
        rivals = [i for r, i in enumerate(incidents) if possible[r, column]]
        certain = [i for i in rivals if i.certain]
        if certain and alarm.reopens is None:
            duplicates.append((alarm, certain[0].id))
        elif rivals or alarm.reopens is not None:
            ignored.append(alarm)
        else:
            false_alarms.append(FalseAlarm(alarm, _look_alike(truth.near_misses, alarm, rule)))
    return Matching(
        tuple(pairs), tuple(missed), tuple(duplicates), tuple(false_alarms), tuple(merged),
        tuple(ignored),
    )  # fmt: skip


def _admissible(incident: TruthIncident, alarm: Alarm, clip_end_s: float, rule: MatchRule) -> bool:
    if incident.type != alarm.type:
        return False
    end = incident.end_s if incident.end_s is not None else clip_end_s
    if not incident.begin_s - rule.guard_s <= alarm.raised_s <= end + rule.late_s:
        return False
    return cover(incident.box_norm, alarm.box_norm) >= rule.min_cover


def _assign(
    incidents: Sequence[TruthIncident],
    alarms: Sequence[Alarm],
    possible: npt.NDArray[np.bool_],
    clip_end_s: float,
) -> tuple[list[int], list[int]]:
    if not possible.any():
        return [], []
    worth = np.zeros(possible.shape)
    for row, column in zip(*np.nonzero(possible), strict=True):
        worth[row, column] = _PAIR + _agreement(incidents[row], alarms[column], clip_end_s)
    rows, columns = linear_sum_assignment(-worth)
    kept = [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if possible[r, c]]
    return [r for r, _ in kept], [c for _, c in kept]


def _agreement(incident: TruthIncident, alarm: Alarm, clip_end_s: float) -> float:
    """0..2: overlap in time plus cover in space, with a little for certainty and earliness."""
    span = (incident.begin_s, incident.end_s if incident.end_s is not None else clip_end_s)
    told = (alarm.started_s, alarm.ended_s if alarm.ended_s is not None else clip_end_s)
    shared = max(0.0, min(span[1], told[1]) - max(span[0], told[0]))
    whole = max(span[1], told[1]) - min(span[0], told[0])
    early = 1.0 / (1.0 + max(0.0, alarm.raised_s - incident.begin_s))
    certain = 1.0 if incident.certain else 0.0
    return shared / max(whole, 1e-9) + cover(incident.box_norm, alarm.box_norm) + early + certain


def cover(a: BoxNorm, b: BoxNorm) -> float:
    """Share of the smaller box that lies in the other one, 0..1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    smaller = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return width * height / max(smaller, 1e-12)


def _look_alike(near_misses: Sequence[NearMiss], alarm: Alarm, rule: MatchRule) -> str | None:
    for near in near_misses:
        end = near.end_s if near.end_s is not None else float("inf")
        timely = near.begin_s - rule.guard_s <= alarm.raised_s <= end + rule.late_s
        if near.type == alarm.type and timely and cover(near.box_norm, alarm.box_norm) > 0.3:
            return near.why
    return None
