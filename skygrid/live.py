"""The live table of a running patrol: cameras with their state, and the newest incidents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group
from rich.table import Table
from rich.text import Text

_STYLE = {"ok": "green", "connecting": "yellow"}
_MOST_ROWS = 40


@dataclass(frozen=True, slots=True)
class CameraLine:
    """What the table shows of one camera.

    Attributes:
        camera_id: Its id.
        state: Health state, "ok" when all is well.
        reason: Why, in words.
        glances_per_s: Over the last minute.
        delay_s: Age of the last judged picture when it was judged, None before the first.
        open_incidents: Sightings open now.
        incidents: Sightings started since the patrol began.
    """

    camera_id: str
    state: str
    reason: str
    glances_per_s: float
    delay_s: float | None
    open_incidents: int
    incidents: int


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """What the table shows of one incident event."""

    time: str
    phase: str
    type: str
    where: str
    severity: int
    why: str


def screen(cameras: Sequence[CameraLine], incidents: Sequence[IncidentLine], foot: str) -> Group:
    """The whole screen: cameras, newest incidents, one line of totals."""
    return Group(_cameras(cameras), _incidents(incidents), Text(foot, style="dim"))


def _cameras(cameras: Sequence[CameraLine]) -> Table:
    table = Table(title="cameras", title_justify="left", expand=True)
    for name in ("camera", "state", "glances/s", "delay", "open", "found"):
        table.add_column(name, justify="left" if name in ("camera", "state") else "right")
    troubled = sorted(cameras, key=lambda c: (c.state == "ok", c.camera_id))
    for line in troubled[:_MOST_ROWS]:
        state = Text(line.state, style=_STYLE.get(line.state, "bold red"))
        if line.state != "ok" and line.reason:
            state.append(f"  {line.reason}", style="dim")
        delay = "" if line.delay_s is None else f"{line.delay_s:.1f} s"
        table.add_row(
            line.camera_id,
            state,
            f"{line.glances_per_s:.2f}",
            delay,
            str(line.open_incidents),
            str(line.incidents),
        )
    if hidden := troubled[_MOST_ROWS:]:
        table.add_row(f"… {len(hidden)} more", _states(hidden), "", "", "", "")
    return table


def _states(lines: Sequence[CameraLine]) -> Text:
    """How many cameras are in which state, e.g. "ok 12, stalled 3"."""
    counts = sorted(Counter(line.state for line in lines).items())
    style = "green" if all(state == "ok" for state, _ in counts) else "bold red"
    return Text(", ".join(f"{state} {number}" for state, number in counts), style=style)


def _incidents(incidents: Sequence[IncidentLine]) -> Table:
    table = Table(title="newest incidents", title_justify="left", expand=True)
    for name in ("time", "what happened", "where", "severity", "why"):
        table.add_column(name, overflow="fold")
    for line in incidents:
        style = {"started": "bold", "ended": "dim"}.get(line.phase, "")
        table.add_row(
            line.time,
            f"{line.type} {line.phase}",
            line.where,
            str(line.severity),
            line.why,
            style=style,
        )
    return table
