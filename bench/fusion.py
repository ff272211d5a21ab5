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

import numpy as np

from bench import fusion_load, fusion_presets
from bench.fusion_runs import WAYS, Tally, add, play, world
from bench.fusion_score import percentiles

Say = Callable[[str], None]

_FLAT_MIB = 10.0
"""Growth over the second and third part of the load that counts as flat; SQLite's pages and the
allocator move by some."""


@dataclass(frozen=True, slots=True)
class FusionBench:
    """How much is measured.

    Attributes:
        runs: Randomised runs of the square.
        seed: Of the first run.
        cities: Drawn cities for the presets; 0 leaves them out.
        messages: Messages through the ledger, at the pace of 100,000 an hour; 0 leaves it out.
    """

    runs: int = 200
    seed: int = 0
    cities: int = 3
    messages: int = 30_000


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
        nights = [light for light in presets["lights"].values() if light["night"]]
        share = float(np.mean([verified(light) for light in nights]))
        found["pictures of a wrong or drifting preset judged as another"] = _goal(
            presets["false_views"], 0.0
        )
        found["presets verified rightly, night against day"] = _goal(share, 0.98, at_least=True)
    if load := report.get("load"):
        found["fusion p95, ms"] = _goal(load["p95_ms"], 50.0)
        found["messages per hour"] = _goal(load["per_hour"], fusion_load.PER_HOUR, at_least=True)
        found["memory grown, MiB"] = _goal(load["grown_mib"], _FLAT_MIB)
    return found


def verified(light: dict[str, Any]) -> float:
    """Share of arrivals, at the right and at another preset, of which the answer was right."""
    right: int = light["recognised"] + light["refused"]
    asked: int = light["asked"] + light["strangers"]
    return right / asked


def _goal(value: float, limit: float, *, at_least: bool = False) -> dict[str, Any]:
    met = value >= limit if at_least else value <= limit
    return {"value": value, "limit": limit, "at_least": at_least, "met": met}


def table(report: dict[str, Any]) -> str:
    """The report as Markdown: ways of fusing, presets by light, load, goals."""
    lines = _ways_table(report["ways"])
    if presets := report.get("presets"):
        lines += _presets_table(presets)
    if load := report.get("load"):
        lines += _load_table(load)
    lines += ["", "| goal | measured | promised | met |", "|---|---|---|---|"]
    for name, goal in report["goals"].items():
        sign = "≥" if goal["at_least"] else "≤"
        met = "yes" if goal["met"] else "**no**"
        lines.append(f"| {name} | {goal['value']:.4g} | {sign} {goal['limit']:g} | {met} |")
    return "\n".join(lines)


def _ways_table(ways: dict[str, dict[str, float]]) -> list[str]:
    head = "| way | merge F1 | duplicates | wrongly joined | incident place, median / p95 |"
    return [head, "|---|---|---|---|---|"] + [
        f"| {name} | {row['merge_f1']:.4f} | {row['duplicate_share']:.2%} "
        f"| {row['wrong_share']:.2%} "
        f"| {row['incident_median_m']:.2f} m / {row['incident_p95_m']:.2f} m |"
        for name, row in ways.items()
    ]


def _presets_table(presets: dict[str, Any]) -> list[str]:
    head = "| presets, references by day | verified rightly | known again | others refused |"
    rows = [
        f"| {name} | {verified(light):.2%} | {light['recognised']} of {light['asked']} "
        f"| {light['refused']} of {light['strangers']} |"
        for name, light in presets["lights"].items()
    ]
    tours = (
        f"Tours: {presets['tour_visits']} visits, {presets['wrong_arrivals']} times a wrong "
        f"preset, {presets['false_views']} pictures judged as another view."
    )
    return ["", head, "|---|---|---|---|", *rows, "", tours]


def _load_table(load: dict[str, float]) -> list[str]:
    head = f"| {fusion_load.FEEDS} feeds, one process | p50 | p95 | p95, last tenth | longest "
    return [
        "",
        head + "| CPU each | memory grown |",
        "|---|---|---|---|---|---|---|",
        f"| {load['messages']} messages, {load['incidents']} incidents | {load['p50_ms']:.1f} ms "
        f"| {load['p95_ms']:.1f} ms | {load['p95_last_ms']:.1f} ms | {load['longest_ms']:.0f} ms "
        f"| {load['cpu_ms']:.1f} ms | {load['grown_mib']:.1f} MiB |",
    ]
