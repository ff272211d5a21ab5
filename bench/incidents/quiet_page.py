"""One page about quiet days: the rates, and a picture of everything that was raised."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_MOST = 100
QUIET_HEAD = ("places", "camera-days", "pictures", "of them in looks", "detected", "in part twice",
              "false alarms", "per camera-day", "95 %")  # fmt: skip


def quiet_page(result: dict[str, Any], folder: Path, judged: Path) -> str:
    """The page, self-contained.

    Args:
        result: Of `quiet_result.quiet_result`.
        folder: Where the days and their pictures are.
        judged: Where those are on which alarms were rejected.
    """
    cards = _cards(result["alarms"], folder)
    again = _cards(result["rejected"]["alarms"], judged)
    head, *body = quiet_rows(result)
    rows = "<tr>" + "".join(f"<th>{cell}" for cell in head)
    rows += "".join("<tr>" + "".join(f"<td>{html.escape(c)}" for c in cells) for cells in body)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Quiet days</title>"
        "<style>body{font:15px system-ui}figure{display:inline-block;margin:.5rem;width:320px}"
        "img{width:320px}td,th{padding:.2rem .8rem;text-align:right}</style><h1>Quiet days</h1>"
        f"<p>{html.escape(quiet_about(result))} Every alarm is a false one.</p>"
        f"<table>{rows}</table>{cards}"
        f"<h2>Where an operator rejects them</h2>{again}</html>"
    )


def _cards(alarms: Sequence[dict[str, Any]], folder: Path) -> str:
    cards = "".join(_card(alarm, folder) for alarm in alarms[:_MOST])
    left = len(alarms) - _MOST
    return cards + (f"<p>{left} more are left out; quiet.json names them." if left > 0 else "")


def quiet_about(result: dict[str, Any]) -> str:
    """What watched them, in one sentence."""
    commits = ", ".join(sorted({*result["commits"], *_rejected(result).get("commits", ())}))
    return f"{result['model']}, a glance every {result['glance_s']:g} s, commits {commits}."


def quiet_rates(result: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The rates of all places, the same with alarms rejected, each kind of place, and each place,
    by name."""
    rates = {"all": result["all"]}
    if rejected := _rejected(result):
        rates[f"all, alarms rejected after {rejected['after_s'] / 60:g} min"] = rejected["all"]
    return {**rates, **result["by_kind"], **result["by_place"]}


def _rejected(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of the second run; empty in a file of before there was one."""
    told: Mapping[str, Any] = result.get("rejected", {})
    return told


def quiet_rows(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """The table: a head, all places, each kind of place, and each place."""
    rows: list[tuple[str, ...]] = [QUIET_HEAD]
    for name, rate in quiet_rates(result).items():
        low, high = rate["interval"]
        per_day = "–" if rate["false_per_day"] is None else f"{rate['false_per_day']:.3g}"
        upper = "∞" if high is None else f"{high:.3g}"
        shown = ("pictures", "in_looks", "detected", "twice", "false_alarms")
        counts = tuple(rate.get(n, 0) for n in shown)
        rows.append((name, f"{rate['camera_days']:.2f}", *map(str, counts), per_day,
                     f"{low:.3g} to {upper}"))  # fmt: skip
    return rows


def _card(alarm: dict[str, Any], folder: Path) -> str:
    picture = folder / alarm["day"] / f"{alarm['alarm_id']}.jpg"
    data = base64.b64encode(picture.read_bytes()).decode() if picture.is_file() else ""
    hour = alarm["raised_s"] / 3600
    return (
        f"<figure><img src='data:image/jpeg;base64,{data}'><figcaption>{alarm['type']}, "
        f"{html.escape(alarm['place'])}, {int(hour):02d}:{int(hour % 1 * 60):02d}, "
        f"{alarm['confidence']:.2f}</figcaption></figure>"
    )
