"""Confirmation thresholds: chosen on one half of the clips, reported on the other.

`halves.yaml` says which clip is in which half; it is fixed, so that nobody chooses the half that
suits. For each type the threshold with the best F1 on the choosing half is taken (a duplicate
counts against it as a false alarm does); among equals the one nearest to the one in force, which
is the default of the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter
from ruamel.yaml import YAML

from bench.incidents.scores import ALL, Outcome, Score, score
from pipeline.rules.settings import RuleBase, RuleSettings

Half = Literal["choose", "report"]
OPEN_AT = (0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
KEEP_AT = 0.3

_HALVES = Path(__file__).with_name("halves.yaml")


@dataclass(frozen=True, slots=True, eq=False)
class SweepPoint:
    """One threshold.

    Attributes:
        open_at: Strength from which a suspicion is confirmed.
        scores: Figures by type, on all clips.
        halves: The same on each half.
    """

    open_at: float
    scores: Mapping[str, Score]
    halves: Mapping[Half, Mapping[str, Score]]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "open_at": self.open_at,
            "scores": _plain(self.scores),
            "halves": {half: _plain(table) for half, table in self.halves.items()},
        }


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The threshold that the choosing half suggests for a type.

    Attributes:
        open_at: The threshold.
        chosen_on: Figures at it on the choosing half.
        reported_on: Figures at it on the other half.
        in_force: Figures of the shipped threshold on the other half.
    """

    open_at: float
    chosen_on: Score
    reported_on: Score
    in_force: Score

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "open_at": self.open_at,
            "chosen_on": self.chosen_on.to_json(),
            "reported_on": self.reported_on.to_json(),
            "in_force": self.in_force.to_json(),
        }


def sweep(outcomes_at: Callable[[dict[str, dict[str, object]]], Sequence[Outcome]]
          ) -> list[SweepPoint]:  # fmt: skip
    """Scores at every threshold.

    Args:
        outcomes_at: Gives the outcomes of all clips under rule settings laid over the clips' own.
    """
    points = []
    for open_at in OPEN_AT:
        values: dict[str, object] = {"open_at": open_at, "keep_at": min(KEEP_AT, open_at)}
        points.append(point(open_at, outcomes_at({"*": values})))
    return points


def point(open_at: float, outcomes: Sequence[Outcome]) -> SweepPoint:
    """The scores of one threshold, on all clips and on each half."""
    halves: dict[Half, Mapping[str, Score]] = {}
    sides: tuple[Half, Half] = ("choose", "report")
    for half in sides:
        halves[half] = score([o for o in outcomes if half_of(o.clip) == half])
    return SweepPoint(open_at, score(outcomes), halves)


def choose(points: Sequence[SweepPoint]) -> dict[str, Choice]:
    """A threshold per type; types that one half lacks are left out."""
    out = {}
    for kind in points[0].scores:
        if kind == ALL:
            continue
        at = in_force(kind)
        now = min(points, key=lambda p: abs(p.open_at - at))
        here = [p for p in points if kind in p.halves["choose"] and kind in p.halves["report"]]
        if now not in here:
            continue
        best = max(here, key=lambda p: (_worth(p, kind), -abs(p.open_at - at)))
        out[kind] = Choice(
            best.open_at,
            best.halves["choose"][kind],
            best.halves["report"][kind],
            now.halves["report"][kind],
        )
    return out


def _worth(at: SweepPoint, kind: str) -> float:
    return round(at.halves["choose"][kind].f1 or 0.0, 9)


@cache
def in_force(kind: str) -> float:
    """`open_at` of a type's rule as shipped."""
    rule: RuleBase = TypeAdapter(RuleSettings).validate_python({"type": kind})
    return rule.open_at


@cache
def _names() -> dict[str, Half]:
    raw = YAML(typ="safe", pure=True).load(_HALVES.read_text(encoding="utf-8"))
    halves: tuple[Half, Half] = ("choose", "report")
    return {str(name): half for half in halves for name in raw[half]}


def half_of(clip_id: str) -> Half:
    """The half of a clip; clips that nobody listed are in the reporting one."""
    names = _names()
    fitting = [n for n in names if clip_id == n or clip_id.startswith(f"{n}-")]
    return names[max(fitting, key=len)] if fitting else "report"


def _plain(table: Mapping[str, Score]) -> dict[str, Any]:
    return {kind: figures.to_json() for kind, figures in table.items()}
