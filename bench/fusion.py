"""`skygrid bench fusion`: one square, two street cameras and an eagle-eye; the table and a map.

The merge scores and place errors come from randomised runs with exact geometry (`fusion_square`,
`fusion_sightings`), the preset scores from drawn cities (`fusion_presets`), the times from the
real ledger on SQLite (`fusion_load`). Every number is measured in the call.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import fusion_load, fusion_presets
from bench.fusion_runs import WAYS, Tally, add, play, world
from bench.fusion_score import percentiles

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class FusionBench:
    """How much is measured.

    Attributes:
        runs: Randomised runs of the square.
        seed: Of the first run.
        cities: Drawn cities for the presets; 0 leaves them out.
        messages: Messages through the ledger; 0 leaves the load out.
    """

    runs: int = 200
    seed: int = 0
    cities: int = 3
    messages: int = 10_000


def run(
    settings: FusionBench | None = None,
    json_path: Path | None = None,
    map_path: Path | None = None,
    say: Say | None = None,
) -> dict[str, Any]:
    """Measure, and return the report: one row per way of fusing, presets, load, and the goals.

    Args:
        settings: How much is measured; the issue's 200 runs by default.
        json_path: Where the report is written as JSON.
        map_path: Where a picture of the first run is written as PNG (needs matplotlib).
        say: Told about progress.
    """
    settings, say = settings or FusionBench(), say or (lambda _: None)
    report: dict[str, Any] = {"settings": asdict(settings), "ways": _ways(settings, say)}
    if settings.cities:
        say("verifying presets by day and night")
        report["presets"] = asdict(fusion_presets.measure(settings.cities, seed=settings.seed))
    if settings.messages:
        say("loading the ledger")
        report["load"] = asdict(fusion_load.measure(settings.messages, settings.seed))
    report["goals"] = goals(report)
    if map_path is not None:
        from bench.fusion_map import draw

        draw(play(world(settings.seed), WAYS["skygrid"]), map_path)
    if json_path is not None:
        json_path.write_text(json.dumps(report, indent=2, ensure_ascii=False), "utf-8")
    return report


def _ways(settings: FusionBench, say: Say) -> dict[str, dict[str, float]]:
    tallies = {name: Tally() for name in WAYS}
    for number in range(settings.runs):
        if number % 20 == 0:
            say(f"run {number} of {settings.runs}")
        one = world(settings.seed + number)
        for name, way in WAYS.items():
            add(tallies[name], play(one, way))
    return {name: _row(tally) for name, tally in tallies.items()}


def _row(tally: Tally) -> dict[str, float]:
    merges = tally.merges
    place = percentiles(tally.sighting_errors_m)
    incident = percentiles(tally.incident_errors_m)
    return {
        "merge_f1": merges.f1,
        "duplicate_share": merges.duplicate_share,
        "wrong_share": merges.wrong_share,
        "incidents": merges.incidents,
        "happenings": merges.happenings,
        "place_median_m": place[0],
        "place_p95_m": place[1],
        "incident_median_m": incident[0],
        "incident_p95_m": incident[1],
    }


def goals(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What was promised against what was measured, by name, in the order of the table."""
    row = report["ways"]["skygrid"]
    found = {
        "merge F1": _goal(row["merge_f1"], 0.98, at_least=True),
        "duplicates left": _goal(row["duplicate_share"], 0.02),
        "happenings wrongly joined": _goal(row["wrong_share"], 0.01),
        "place error, median, m": _goal(row["place_median_m"], 1.0),
        "place error, p95, m": _goal(row["place_p95_m"], 3.0),
    }
    if presets := report.get("presets"):
        right = presets["recognised"] + presets["refused"]
        asked = presets["asked"] + presets["strangers"]
        found["views judged as another"] = _goal(presets["false_views"], 0.0)
        found["presets verified rightly"] = _goal(right / asked, 0.98, at_least=True)
    if load := report.get("load"):
        found["fusion p95, ms"] = _goal(load["p95_ms"], 50.0)
        found["sightings per hour"] = _goal(load["per_hour"], 100_000, at_least=True)
    return found


def _goal(value: float, limit: float, *, at_least: bool = False) -> dict[str, Any]:
    met = value >= limit if at_least else value <= limit
    return {"value": value, "limit": limit, "at_least": at_least, "met": met}


def table(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    head = "| way | merge F1 | duplicates | wrongly joined | incident place, median / p95 |"
    lines = [head, "|---|---|---|---|---|"]
    for name, row in report["ways"].items():
        lines.append(
            f"| {name} | {row['merge_f1']:.4f} | {row['duplicate_share']:.2%} "
            f"| {row['wrong_share']:.2%} "
            f"| {row['incident_median_m']:.2f} m / {row['incident_p95_m']:.2f} m |"
        )
    lines += ["", "| goal | measured | promised | met |", "|---|---|---|---|"]
    for name, goal in report["goals"].items():
        sign = "≥" if goal["at_least"] else "≤"
        met = "yes" if goal["met"] else "**no**"
        lines.append(f"| {name} | {goal['value']:.4g} | {sign} {goal['limit']:g} | {met} |")
    return "\n".join(lines)
