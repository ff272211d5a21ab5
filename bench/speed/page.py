"""Writes the speed report as Markdown: what is compared, where the time goes, what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def write_page(report: Mapping[str, Any], path: Path) -> None:
    """Write what is known of a report, see `command.run`; parts not measured are not there."""
    about = report["about"]
    parts = [
        "# CPU per camera",
        f"{about['stream']}; weight {about['weights']}; {about['machine']}; RTSP server "
        f"{about['server'] or 'not started'}; {about['made_at']}.",
        "![CPU per camera by stage, and cameras per core](speed.png)",
        _compared(report["variants"]),
        *_profile(report["variants"]),
        *_more("Growth, glance every 10 s", report["growth"], "name"),
        *_more("Other cameras, glance every 2 s", report["shapes"], "stream"),
        *_held(report["held"]),
        *_delay(report["delay"]),
        *_left_out(about["left_out"]),
        f"Method: {about['method']}",
    ]
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _compared(rows: Sequence[Mapping[str, Any]]) -> str:
    head = (
        "variant", "cameras", "CPU each, % of a core", "cameras per core", "times the patrol",
        "of due analysed", "packets lost", "MiB each beyond the ring", "incidents found",
        "of them at 25 pictures/s", "lost against the patrol on every frame",
    )  # fmt: skip
    return _table(head, [(*_cost(row, row["name"]), *_found(row["recall"])) for row in rows])


def _cost(row: Mapping[str, Any], name: object) -> tuple[object, ...]:
    ratio, lost = row.get("ratio"), row["packets_lost"]
    return (
        name,
        row["cameras"],
        f"{row['cpu_percent_per_camera']:.2f}",
        row["cameras_per_core"],
        "" if ratio is None else f"{ratio:.2f}",
        f"{row['share_of_due']:.0%}",
        "" if lost is None else f"{lost:.2%}",
        row["mib_per_camera_beyond_ring"],
    )


def _found(recall: Mapping[str, Any] | None) -> tuple[str, str, str]:
    if recall is None:
        return "", "", ""
    wrong = f", {recall['false_alarms']} wrong" if recall["false_alarms"] else ""
    lost = ", ".join(recall["lost"]) or "none"
    dense = f"{recall['found_dense']} of {recall['incidents_dense']}"
    return f"{recall['found']} of {recall['incidents']}{wrong}", dense, lost


def _profile(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where the patrol's time goes."""
    own = [row for row in rows if len(row["stages_percent"]) > 1]
    if not own:
        return []
    stages = list(own[0]["stages_percent"])
    body = [(s, *(f"{row['stages_percent'][s]:.3f}" for row in own)) for s in stages]
    table = _table(("stage", *(row["name"] for row in own)), body)
    return ["## Where the time goes, % of a core for each camera", table]


def _more(title: str, rows: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    if not rows:
        return []
    head = (
        key, "cameras", "CPU each, % of a core", "cameras per core", "longest stretch",
        "of due analysed", "packets lost", "MiB each beyond the ring",
    )  # fmt: skip
    body = []
    for row in rows:
        _, cameras, cost, per_core, _, *rest = _cost(row, "")
        stretch = f"{row['longest_stretch']:.2f}"
        body.append((row[key], cameras, cost, per_core, stretch, *rest))
    return [f"## {title}", _table(head, body)]


def _held(tries: Sequence[Mapping[str, Any]]) -> list[str]:
    if not tries:
        return []
    body = [
        (t["cameras"], "yes" if t["holds"] else "no", t["wait"], t["stretch"], t["broken"])
        for t in tries
    ]
    head = ("cameras", "held", "longest wait, periods", "stretch", "connections broken")
    return ["## Cameras held without a late glance, glance every 2 s", _table(head, body)]


def _delay(delay: Mapping[str, Any] | None) -> list[str]:
    if not delay:
        return []
    return [
        "## From the happening to the queue",
        f"{delay['type']}: p50 {delay['p50']} s, p95 {delay['p95']} s, longest {delay['longest']} "
        f"s of {delay['n']}; {delay['missed']} missed, {delay['early']} early; keyframes every "
        f"{delay['keyframe_s']} s.",
    ]


def _left_out(names: Mapping[str, str]) -> list[str]:
    return [f"Left out: {'; '.join(f'{k} ({v})' for k, v in names.items())}."] if names else []


def _table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        f"| {' | '.join('' if cell is None else str(cell) for cell in line)} |" for line in lines
    )
