"""Scenarios on real pictures: streets as backdrops, real heaps and people as cut-outs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sample_videos.errors import SampleError
from sample_videos.pictures import cutout_name
from sample_videos.scenario import Scenario

CLEAN_STREETS = tuple(
    f"vending/images/neg_{n:04d}.webp" for n in (152, 156, 160, 167, 179, 182, 184, 187)
)
"""Validation pictures of streets, judged by eye: bins, bicycles, parked cars, no garbage lying.

Three that an earlier pass let through are left out: a carton beside a bin (151), litter (157), a
chair and a plank (193)."""

STREET_CAMERA = {
    "id": "main", "position_m": [0, 0, 1.7], "look_at_m": [0, 10, 0.9], "hfov_deg": 62,
    "size": [640, 480],
}  # fmt: skip
"""The streets were taken by telephone from eye height."""
SITE_CAMERA = {
    "id": "main", "position_m": [0.5, -4.5, 2.6], "look_at_m": [0.0, 4.0, 1.1], "hfov_deg": 56,
    "size": [960, 540],
}  # fmt: skip
_GARBAGE, _HELMET, _BARE, _PERSON = 3, 1, 2, 0
_LEAST_HEAP_PX = 110
_LEAST_PERSON_PX = 230


def garbage_composites(data: Path, count: int, seed: int = 1) -> list[Scenario]:
    """A real heap is dumped in a real street at a known second; every third street stays clean."""
    rng = np.random.default_rng([seed, 1])
    heaps = list(_heaps(data))
    if not heaps:
        raise SampleError(f"garbage pictures must be in {data.name}/garbage, found none")
    out = []
    for n in range(count):
        street = CLEAN_STREETS[n % len(CLEAN_STREETS)]
        heap, aspect = heaps[int(rng.integers(len(heaps)))]
        x, y = float(rng.uniform(-1.6, 1.6)), float(rng.uniform(4.2, 6.5))
        actors: list[dict[str, Any]] = []
        events: list[dict[str, Any]] = []
        if n % 3 != 2:
            size = float(np.clip(1.0 / max(aspect, 0.5), 0.5, 0.9))
            actors.append(
                {"id": "heap", "kind": "cutout", "picture": heap, "label": "garbage",
                 "size_m": size}
            )  # fmt: skip
            events.append({"actor": "heap", "do": "enter", "at_s": 14, "to_m": [[x, y]]})
        out.append(
            Scenario.model_validate({
                "name": f"real-heap-{n:02d}", "about": "A real heap in a real street.",
                "seed": seed * 100 + n, "duration_s": 60, "fps": 2,
                "backdrop": {"kind": "picture", "picture": street},
                "conditions": {"crf": 24}, "cameras": [STREET_CAMERA],
                "zones": [{"id": "street", "polygon_m": [[-4, 3.2], [4, 3.2], [5, 9], [-5, 9]],
                           "rules": {"garbage": {"dwell_s": 10}}}],
                "actors": actors, "events": events,
                "passers": [{"id": "walker", "per_minute": 5, "bag_share": 0.2,
                             "lanes_m": [[[-7, 7.2], [7, 7.4]]]}],
            })
        )  # fmt: skip
    return out


def helmet_composites(data: Path, count: int, seed: int = 1) -> list[Scenario]:
    """Real people with and without helmets cross a drawn site; every second clip is in order."""
    rng = np.random.default_rng([seed, 2])
    people: dict[str, list[str]] = {"helmet": [], "bare": []}
    for name, head in _people(data):
        people[head].append(name)
    if not people["helmet"] or not people["bare"]:
        raise SampleError(f"people must be in {data.name}/helmet, found {len(people['bare'])} bare")
    return [_site_clip(n, seed, rng, people) for n in range(count)]


def people_cutouts(data: Path) -> list[str]:
    """Names of cut-outs of whole standing people, for `Pictures`.

    Raises:
        SampleError: there are none.
    """
    names = [name for name, _ in _people(data)]
    if not names:
        raise SampleError(f"people must be in {data.name}/helmet, found none")
    return names


def _site_clip(
    number: int, seed: int, rng: np.random.Generator, people: dict[str, list[str]]
) -> Scenario:
    actors, events = [], []
    heads = ["helmet", "helmet", "bare" if number % 2 else "helmet"]
    for k, head in enumerate(heads):
        picture = people[head][int(rng.integers(len(people[head])))]
        name = f"p{k}"
        actors.append(
            {"id": name, "kind": "cutout", "picture": picture, "label": "person", "size_m": 1.75,
             "clothes": {"head": head}}
        )  # fmt: skip
        side = 1 if k % 2 else -1
        far = float(rng.uniform(1.0, 3.0))
        stop = [float(rng.uniform(-2.5, 2.5)), far]
        events += [
            {"actor": name, "do": "enter", "at_s": 3 + 6 * k, "to_m": [[side * 7.5, far]]},
            {"actor": name, "do": "walk", "to_m": [stop], "speed_m_s": 1.0},
            {"actor": name, "do": "stand", "for_s": float(rng.uniform(14, 22))},
            {"actor": name, "do": "walk", "to_m": [[-side * 8.0, far]], "speed_m_s": 1.0},
            {"actor": name, "do": "leave"},
        ]
    return Scenario.model_validate({
        "name": f"real-heads-{number:02d}", "about": "Real people on a drawn building site.",
        "seed": seed * 100 + number, "duration_s": 60, "fps": 4,
        "backdrop": {"kind": "site"}, "conditions": {"crf": 24}, "cameras": [SITE_CAMERA],
        "zones": [{"id": "works", "polygon_m": [[-6, -0.5], [6, -0.5], [6, 8], [-6, 8]],
                   "rules": {"missing_helmet": {"dwell_s": 6}}}],
        "actors": actors, "events": events,
    })  # fmt: skip


def _rows(folder: Path) -> Iterator[dict[str, Any]]:
    manifest = folder / "manifest.jsonl"
    if manifest.is_file():
        for line in manifest.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["split"] == "val":
                yield row


def _boxes(folder: Path, row: dict[str, Any]) -> list[tuple[int, float, float, float, float]]:
    """(class, left, top, right, bottom) in pixels."""
    label = folder / "labels" / (Path(row["file"]).stem + ".txt")
    out = []
    for line in label.read_text(encoding="utf-8").split("\n") if label.is_file() else ():
        if not line.strip():
            continue
        kind, cx, cy, w, h = (float(v) for v in line.split()[:5])
        width, height = row["width"], row["height"]
        out.append((int(kind), (cx - w / 2) * width, (cy - h / 2) * height,
                    (cx + w / 2) * width, (cy + h / 2) * height))  # fmt: skip
    return out


def _heaps(data: Path) -> Iterator[tuple[str, float]]:
    folder = data / "garbage"
    for row in _rows(folder):
        if row.get("negative") or row.get("granularity") != "heap":
            continue
        boxes = [b for b in _boxes(folder, row) if b[0] == _GARBAGE]
        for _, left, top, right, bottom in boxes:
            wide, high = right - left, bottom - top
            inside = left > 4 and right < row["width"] - 4
            if min(wide, high) >= _LEAST_HEAP_PX and inside and wide < 2.5 * high:
                yield cutout_name(f"garbage/{row['file']}", (left, top, right, bottom)), wide / high


def _people(data: Path) -> Iterator[tuple[str, str]]:
    """Whole standing people of whom exactly one head is labelled."""
    folder = data / "helmet"
    for row in _rows(folder):
        boxes = _boxes(folder, row)
        for _, left, top, right, bottom in (b for b in boxes if b[0] == _PERSON):
            wide, high = right - left, bottom - top
            heads = [
                b for b in boxes
                if b[0] in (_HELMET, _BARE) and left <= (b[1] + b[3]) / 2 <= right
                and top - 5 <= (b[2] + b[4]) / 2 <= top + high
            ]  # fmt: skip
            if high < _LEAST_PERSON_PX or not 2.0 < high / max(wide, 1) < 4.0 or len(heads) != 1:
                continue
            head = "helmet" if heads[0][0] == _HELMET else "bare"
            box = (left, max(top, 0), right, bottom)
            yield cutout_name(f"helmet/{row['file']}", box), head
