"""The report of a run as Markdown (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from bench.incidents.decoding import HOW
from bench.incidents.quiet_page import quiet_about, quiet_rows
from bench.incidents.results import BenchResult
from bench.incidents.tables import HEAD, SWEEP_LEGEND, row, sweep_rows, tables


def markdown_report(result: BenchResult, quiet: dict[str, Any] | None = None) -> str:
    """All tables, and everything that went wrong.

    Args:
        result: Of the run.
        quiet: Of `quiet_result.quiet_result`, where quiet days were watched.
    """
    about = result.about
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    lines = [
        "# Incident benchmark", "",
        f"Model {about['model']}, commit {about['commit']}, {about['made_at']}, "
        f"{len(about['clips'])} clips.", "",
        f"Machine: {about['machine']}. Python {about['python']}, {versions}.", "", HOW, "",
    ]  # fmt: skip
    for title, table in tables(result):
        body = [(name, *row(figures)) for name, figures in table.items()]
        lines += [f"## {title}", "", *_table([("", *HEAD), *body]), ""]
    if result.sweep:
        lines += [
            "## Confirmation threshold",
            "",
            SWEEP_LEGEND,
            "",
            *_table(sweep_rows(result)),
            "",
        ]
    if quiet is not None:
        lines += ["## Quiet days", "", quiet_about(quiet), "", *_table(quiet_rows(quiet)), ""]
    lines += [f"## What went wrong ({len(result.problems)})", ""]
    lines += [f"- {p.kind}: {p.type} in {p.clip.clip_id} at {p.at_s:.1f} s {p.note}".rstrip()
              for p in result.problems]  # fmt: skip
    return "\n".join(lines) + "\n"


def _table(rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table; the first row is its head."""
    lines = ["| " + " | ".join(cells) + " |" for cells in rows]
    columns = lines[0].count("|") - 1
    return [lines[0], "|---" * columns + "|", *lines[1:]]
