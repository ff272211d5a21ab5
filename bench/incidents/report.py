"""One page about a run: tables, plots, and a picture of everything that went wrong."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from bench.incidents.footage import pictures
from bench.incidents.plots import delay_plot, sweep_plot
from bench.incidents.results import BenchResult, Problem, Table
from bench.incidents.scores import Score
from bench.incidents.sweep import in_force

HEAD = (
    "incidents", "found", "recall", "precision", "F1", "doubled", "wrong",
    "wrong per camera-day (95 %)", "delay p50 / p95", "end error p50", "CPU s per camera-hour",
)  # fmt: skip
_THUMB_WIDTH = 360
_MOST_THUMBS = 80
_STYLE = """
body{font:15px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;max-width:1200px;margin:2rem auto;
padding:0 1rem}
table{border-collapse:collapse;margin:.6rem 0 1.4rem}
td,th{border:1px solid #ccd;padding:.25rem .6rem;text-align:right}
td:first-child,th:first-child{text-align:left}th{background:#eef}
.cards{display:flex;flex-wrap:wrap;gap:1rem}
.card{width:360px;border:1px solid #ccd;border-radius:6px;overflow:hidden}
.card p{margin:.4rem .6rem;font-size:13px}.missed{border-top:4px solid #c33}
.wrong{border-top:4px solid #d80}.doubled{border-top:4px solid #58c}img{max-width:100%}
"""


def row(figures: Score) -> tuple[str, ...]:
    """One line of a table."""
    low, high = figures.false_interval
    rate = "–" if figures.false_per_day is None else f"{figures.false_per_day:.3g}"
    upper = "∞" if not np.isfinite(high) else f"{high:.3g}"
    return (
        str(figures.incidents), str(figures.found), _share(figures.recall),
        _share(figures.precision), _share(figures.f1), str(figures.duplicates),
        str(figures.false_alarms), f"{rate} ({low:.3g}–{upper})",
        f"{_seconds(figures.delay_p50_s)} / {_seconds(figures.delay_p95_s)}",
        _seconds(figures.end_error_p50_s),
        "–" if figures.cpu_s_per_hour is None else f"{figures.cpu_s_per_hour:.0f}",
    )  # fmt: skip


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"


def _tables(result: BenchResult) -> list[tuple[str, dict[str, Score]]]:
    tables: list[tuple[str, dict[str, Score]]] = [("By type", dict(result.scores))]
    tables += [(f"Clips: {name}", dict(table)) for name, table in result.by_origin.items()]
    tables.append(("By pace, all types (at most what a clip has)", _overall(result.by_pace)))
    if result.baselines:
        own = {"this patrol": result.scores["all"]}
        tables.append(("Baselines on the same detections", {**own, **_overall(result.baselines)}))
    return tables


def _overall(tables: Mapping[str, Table]) -> dict[str, Score]:
    return {name: table["all"] for name, table in tables.items()}


def markdown_report(result: BenchResult) -> str:
    """The tables as Markdown."""
    about = result.about
    lines = ["# Incident benchmark", "", f"Model {about['model']}, commit {about['commit']}, "
             f"{about['made_at']}, {len(about['clips'])} clips.", ""]  # fmt: skip
    tables = _tables(result)
    if result.chosen:
        tables.append(("Thresholds chosen on one half of the clips", _choices(result)))
    for title, table in tables:
        lines += [
            f"## {title}",
            "",
            "| | " + " | ".join(HEAD) + " |",
            "|---" * (len(HEAD) + 1) + "|",
        ]
        lines += [f"| {name} | " + " | ".join(row(f)) + " |" for name, f in table.items()]
        lines.append("")
    lines += ["## What went wrong", ""]
    lines += [f"- {p.kind}: {p.type} in {p.clip.clip_id} at {p.at_s:.1f} s {p.note}".rstrip()
              for p in result.problems]  # fmt: skip
    return "\n".join(lines) + "\n"


def _choices(result: BenchResult) -> dict[str, Score]:
    """Rows about thresholds: what was chosen on one half, and how it does on the other."""
    rows = {}
    for kind, c in result.chosen.items():
        rows[f"{kind} at {c.open_at:g}, half it was chosen on"] = c.chosen_on
        rows[f"{kind} at {c.open_at:g}, other half"] = c.reported_on
        rows[f"{kind} at {in_force(kind):g} (in force), other half"] = c.in_force
    return rows


def html_report(result: BenchResult, folder: Path) -> str:
    """The whole page, self-contained; thumbnails link to the clip at the moment."""
    about = result.about
    seconds = sum(c["seconds"] for c in about["clips"])
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Incident benchmark</title>",
        f"<style>{_STYLE}</style><h1>Incident benchmark</h1>",
        f"<p>Model {html.escape(str(about['model']))}, commit {about['commit']}, "
        f"{about['made_at']}, "
        f"{len(about['clips'])} clips of {seconds:.0f} s, {html.escape(str(about['machine']))}, "
        f"Python {about['python']}, {html.escape(str(about['versions']))}.</p>",
    ]
    for title, table in _tables(result):
        parts += [f"<h2>{html.escape(title)}</h2>", _html_table(table)]
    if result.sweep:
        parts.append(f"<h2>Confirmation threshold</h2>{sweep_plot(result)}")
        parts.append(_html_table(_choices(result)))
    delays = [r["delay_s"] for r in result.incidents if r["delay_s"] is not None]
    if delays:
        parts.append(f"<h2>Delay after the dwell</h2>{delay_plot(delays)}")
    parts.append(f"<h2>What went wrong ({len(result.problems)})</h2><div class=cards>")
    parts += [_card(p, folder) for p in result.problems[:_MOST_THUMBS]]
    parts.append("</div><h2>Clips</h2>" + _clip_table(about["clips"]) + "</html>")
    return "\n".join(parts)


def _html_table(table: Mapping[str, Score]) -> str:
    head = "".join(f"<th>{h}</th>" for h in HEAD)
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td>" + "".join(f"<td>{c}</td>" for c in row(f)) + "</tr>"
        for name, f in table.items()
    )
    return f"<table><tr><th></th>{head}</tr>{rows}</table>"


def _clip_table(clips: Sequence[Mapping[str, object]]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(str(c['clip']))}</td><td>{c['origin']}</td><td>{c['seconds']:.0f}</td>"
        f"<td>{c['incidents']}</td></tr>"
        for c in clips
    )
    return f"<table><tr><th>clip</th><th>origin</th><th>s</th><th>incidents</th></tr>{rows}</table>"


def _card(problem: Problem, folder: Path) -> str:
    link = os.path.relpath(problem.clip.path, folder)
    href = html.escape(f"{link}#t={max(problem.at_s - 3, 0):.1f}")
    note = html.escape(problem.note)
    return (
        f"<div class='card {problem.kind}'><a href='{href}'>{_thumbnail(problem)}</a>"
        f"<p><b>{problem.kind}</b> {problem.type}, {html.escape(problem.clip.clip_id)} at "
        f"{problem.at_s:.1f} s<br>{note}</p></div>"
    )


def _thumbnail(problem: Problem) -> str:
    hold_s, at_s = problem.clip.truth.clip.hold_s, problem.at_s
    for _, _, image in pictures(problem.clip.path, hold_s, lambda t_s: t_s >= at_s):
        height, width = image.shape[:2]
        left, top, right, bottom = problem.box_norm
        drawn = image.copy()
        cv2.rectangle(drawn, (round(left * width), round(top * height)),
                      (round(right * width), round(bottom * height)), (0, 0, 255), 2)  # fmt: skip
        small = cv2.resize(drawn, (_THUMB_WIDTH, round(height * _THUMB_WIDTH / width)))
        ok, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 72])
        if ok:
            return f"<img src='data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}'>"
    return ""
