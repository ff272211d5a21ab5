"""One page about a run: tables, plots, and a picture of everything that went wrong."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2

from bench.incidents.decoding import HOW
from bench.incidents.footage import pictures
from bench.incidents.plots import delay_plot, sweep_plot
from bench.incidents.quiet_page import quiet_about, quiet_rows
from bench.incidents.results import BenchResult, Problem
from bench.incidents.tables import HEAD, SWEEP_LEGEND, row, sweep_rows, tables

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


def html_report(result: BenchResult, folder: Path, quiet: dict[str, Any] | None = None) -> str:
    """The whole page, self-contained; thumbnails link to the clip at the moment.

    Args:
        result: Of the run.
        folder: Where the page will lie; links are from there.
        quiet: Of `quiet_result.quiet_result`, where quiet days were watched.
    """
    about = result.about
    seconds = sum(c["seconds"] for c in about["clips"])
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Incident benchmark</title>",
        f"<style>{_STYLE}</style><h1>Incident benchmark</h1>",
        f"<p>Model {html.escape(str(about['model']))}, commit {about['commit']}, "
        f"{about['made_at']}, {len(about['clips'])} clips of {seconds:.0f} s.</p>",
        f"<p>Machine: {html.escape(str(about['machine']))}. Python {about['python']}, "
        f"{html.escape(versions)}.</p><p>{HOW}</p>",
    ]
    for title, table in tables(result):
        body = [(name, *row(figures)) for name, figures in table.items()]
        parts += [f"<h2>{html.escape(title)}</h2>", _table([("", *HEAD), *body])]
    if result.sweep:
        parts.append(f"<h2>Confirmation threshold</h2>{sweep_plot(result)}")
        parts.append(f"<p>{SWEEP_LEGEND}</p>{_table(sweep_rows(result))}")
    delays = [r["delay_s"] for r in result.incidents if r["delay_s"] is not None]
    if delays:
        parts.append(f"<h2>Delay after the dwell</h2>{delay_plot(delays)}")
    if quiet is not None:
        parts.append(f"<h2>Quiet days</h2><p>{html.escape(quiet_about(quiet))} ")
        parts.append(f"<a href='quiet.html'>What was raised</a></p>{_table(quiet_rows(quiet))}")
    parts.append(_wrong(result.problems, folder))
    parts.append("<h2>Clips</h2>" + _clip_table(about["clips"]) + "</html>")
    return "\n".join(parts)


def _wrong(problems: Sequence[Problem], folder: Path) -> str:
    """A card each, and how many have none."""
    cards = "".join(_card(p, folder) for p in problems[:_MOST_THUMBS])
    left = len(problems) - _MOST_THUMBS
    more = f"<p>{left} more are left out here; report.md names them.</p>" if left > 0 else ""
    return f"<h2>What went wrong ({len(problems)})</h2><div class=cards>{cards}</div>{more}"


def _table(rows: Iterable[Sequence[str]]) -> str:
    """A table; the first row is its head."""
    head, *body = rows
    lines = ["".join(f"<th>{html.escape(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{html.escape(cell)}</td>" for cell in cells) for cells in body]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _clip_table(clips: Sequence[Mapping[str, Any]]) -> str:
    rows = [(c["clip"], c["origin"], f"{c['seconds']:.0f}", str(c["incidents"])) for c in clips]
    return _table([("clip", "origin", "s", "incidents"), *rows])


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
