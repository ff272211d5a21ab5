"""The result of a run, and its files: JSON, Markdown, HTML (file output)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.incidents.footage import TrueClip
from bench.incidents.scores import Score
from bench.incidents.sweep import Choice, SweepPoint
from sample_videos.quiet import FORM

BoxNorm = tuple[float, float, float, float]
Table = Mapping[str, Score]


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """A missed, wrong or doubled incident, and where to look."""

    kind: str
    clip: TrueClip
    type: str
    at_s: float
    box_norm: BoxNorm
    note: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "kind": self.kind, "clip": self.clip.clip_id, "type": self.type,
            "at_s": round(self.at_s, 2), "box_norm": [round(v, 4) for v in self.box_norm],
            "note": self.note,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class BenchResult:
    """Everything that was measured.

    Attributes:
        about: Model, commit, machine, versions, clips.
        scores: Figures by type and in all.
        by_origin: The same by origin of the clips.
        by_pace: The same by pace, on the clips of `paced`.
        paced: Clips that have as many pictures as the densest pace looks at.
        baselines: The same for what other systems would raise, by pace and by system.
        sweep: Figures at other confirmation thresholds, on all clips and on each half.
        chosen: Thresholds chosen on one half, with their figures on the other.
        clips: One row per clip: seconds watched, and what was counted by type.
        incidents: One row per true incident.
        problems: What went wrong.
    """

    about: Mapping[str, Any]
    scores: Table
    by_origin: Mapping[str, Table]
    by_pace: Mapping[str, Table]
    paced: list[str]
    baselines: Mapping[str, Mapping[str, Table]]
    sweep: list[SweepPoint]
    chosen: Mapping[str, Choice]
    clips: list[dict[str, Any]]
    incidents: list[dict[str, Any]]
    problems: list[Problem]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "about": dict(self.about),
            "scores": _plain(self.scores),
            "by_origin": {k: _plain(v) for k, v in self.by_origin.items()},
            "by_pace": {k: _plain(v) for k, v in self.by_pace.items()},
            "paced": self.paced,
            "baselines": {
                pace: {name: _plain(table) for name, table in tables.items()}
                for pace, tables in self.baselines.items()
            },
            "sweep": [p.to_json() for p in self.sweep],
            "chosen": {kind: c.to_json() for kind, c in self.chosen.items()},
            "clips": self.clips,
            "incidents": self.incidents,
            "problems": [p.to_json() for p in self.problems],
        }


def _plain(table: Table) -> dict[str, Any]:
    return {kind: figures.to_json() for kind, figures in table.items()}


def save(result: BenchResult, folder: Path) -> None:
    """Write `results.json`, `report.md` and `report.html`.

    The reports show the quiet days too, when their `quiet.json` lies in the folder; one of days of
    an older form is left out.
    """
    from bench.incidents.markdown import markdown_report
    from bench.incidents.report import html_report

    folder.mkdir(parents=True, exist_ok=True)
    days = _quiet_days(folder / "quiet.json")
    text = json.dumps(result.to_json(), indent=1, ensure_ascii=False)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
    (folder / "report.md").write_text(markdown_report(result, days), encoding="utf-8")
    (folder / "report.html").write_text(html_report(result, folder, days), encoding="utf-8")


def _quiet_days(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    days: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return days if days.get("form") == FORM else None
