"""Whether a weight should take another one's place: two reports of `bench detect` on one data set.

Both must be of the same pictures. On a user's own sets the patrol's rates decide, because those are
what operators live with; on all other sets no class may lose more than a point of mAP50.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import NotComparable

ALLOWED_LOSS = 0.01
"""Of mAP50, in any class of a set that is not the user's own."""

COUNTABLE = 25
"""Classes with fewer objects in a set say nothing about it."""

_PARTS = ("sets", "patrol_by_set", "pictures", "input_size", "weights")


@dataclass(frozen=True, slots=True)
class Difference:
    """One class of one set.

    Attributes:
        set_name: "helmet" and the like.
        label: class.
        objects: labelled.
        before, after: mAP50.
    """

    set_name: str
    label: str
    objects: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two reports say.

    Attributes:
        differences: of every class that can be counted.
        against: why the newer weight should not be adopted; empty: it should.
    """

    differences: tuple[Difference, ...]
    against: tuple[str, ...]


def read_report(path: Path) -> dict[str, Any]:
    """A report that `bench detect --json` wrote.

    Raises:
        NotComparable: it cannot be read, or is another file.
    """
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotComparable(f"report {path.name} cannot be read: {error}") from error
    missing = [part for part in _PARTS if part not in report]
    if missing:
        raise NotComparable(
            f"report {path.name} must be of `bench detect --json`, it lacks {', '.join(missing)}"
        )
    return report


def compare(
    before: Mapping[str, Any], after: Mapping[str, Any], own: Collection[str] = ()
) -> Comparison:
    """Compare two reports.

    Args:
        before: of the weight in use.
        after: of the one that may take its place.
        own: sets that are the user's.

    Raises:
        NotComparable: they are not of the same pictures and input size, or lack a set of `own`.
    """
    for part in ("pictures", "input_size"):
        if before[part] != after[part]:
            raise NotComparable(
                f"reports must be of the same {part}, got {before[part]} and {after[part]}"
            )
    if unknown := sorted(set(own) - set(after["patrol_by_set"])):
        raise NotComparable(f"no pictures of set {', '.join(unknown)} were scored")
    differences = tuple(_differences(before["sets"], after["sets"]))
    lost = [
        f"{d.label} of {d.set_name} loses {100 * (d.before - d.after):.1f} points of mAP50"
        for d in differences
        if d.set_name not in own and d.before - d.after > ALLOWED_LOSS
    ]
    worse = [
        reason
        for name in sorted(own)
        for reason in _worse(name, before["patrol_by_set"][name], after["patrol_by_set"][name])
    ]
    return Comparison(differences, (*worse, *lost))


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    found = []
    for name, table in before.items():
        other = after.get(name, {})
        if {label: row["n"] for label, row in table.items()} != {
            label: row["n"] for label, row in other.items()
        }:
            raise NotComparable(f"reports must be of the same objects, those of {name} differ")
        found += [
            Difference(name, label, row["n"], row["map50"], other[label]["map50"])
            for label, row in table.items()
            if row["n"] >= COUNTABLE
        ]
    return found


def _worse(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """In which classes of an own set the newer weight finds less, or reports wrongly more."""
    reasons = []
    for label, old in before.items():
        new = after.get(label)
        if new is None:
            reasons.append(f"{label} of {name} has no threshold any more")
            continue
        for rate, what in (("found", "is found in fewer pictures"), ("false", "is false in more")):
            sign = 1 if rate == "found" else -1
            if old[rate] is not None and sign * (new[rate] - old[rate]) < 0:
                reasons.append(f"{label} of {name} {what}: {old[rate]:.3f}, now {new[rate]:.3f}")
    return reasons
