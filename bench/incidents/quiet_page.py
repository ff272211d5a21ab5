"""One page about quiet days: the rates, and a picture of everything that was raised."""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import Any

_MOST = 100


def quiet_page(result: dict[str, Any], folder: Path) -> str:
    """The page, self-contained.

    Args:
        result: Of `quiet.quiet_result`.
        folder: Where the days and their pictures are.
    """
    cards = "".join(_card(alarm, folder) for alarm in result["alarms"][:_MOST])
    tables = {"all": result["all"], **result["by_kind"]}
    rows = "".join(_row(name, rate) for name, rate in tables.items())
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Quiet days</title>"
        "<style>body{font:15px system-ui}figure{display:inline-block;margin:.5rem;width:320px}"
        "img{width:320px}td,th{padding:.2rem .8rem;text-align:right}</style><h1>Quiet days</h1>"
        f"<p>{html.escape(result['model'])}, one picture every {result['glance_s']:g} s, commits "
        f"{html.escape(', '.join(result['commits']))}. Every alarm is a false one.</p>"
        "<table><tr><th>places<th>camera-days<th>pictures<th>different ones<th>false alarms"
        f"<th>per camera-day<th>95 %</tr>{rows}</table>{cards}</html>"
    )


def _row(name: str, rate: dict[str, Any]) -> str:
    low, high = rate["interval"]
    per_day = "–" if rate["false_per_day"] is None else f"{rate['false_per_day']:.3g}"
    upper = "∞" if high is None else f"{high:.3g}"
    return (
        f"<tr><td>{html.escape(name)}<td>{rate['camera_days']:.2f}<td>{rate['pictures']}"
        f"<td>{rate['different_pictures']}<td>{rate['false_alarms']}<td>{per_day}"
        f"<td>{low:.3g} to {upper}</tr>"
    )


def _card(alarm: dict[str, Any], folder: Path) -> str:
    picture = folder / alarm["day"] / f"{alarm['alarm_id']}.jpg"
    data = base64.b64encode(picture.read_bytes()).decode() if picture.is_file() else ""
    hour = alarm["raised_s"] / 3600
    return (
        f"<figure><img src='data:image/jpeg;base64,{data}'><figcaption>{alarm['type']}, "
        f"{html.escape(alarm['place'])}, {int(hour):02d}:{int(hour % 1 * 60):02d}, "
        f"{alarm['confidence']:.2f}</figcaption></figure>"
    )
