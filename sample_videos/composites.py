"""Scenarios on real pictures: streets and clips as backdrops, with real things cut out.

What is unlawful in them is put there by the scenario; what happens in a clip that is a backdrop is
lawful and has no boxes in the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sample_videos.cutouts import (
    BARE,
    BYSTANDERS,
    CLOSED_BINS,
    HELMETED,
    OVERFLOWING_BINS,
    STALLS,
    head_cutouts,
    heap_cutouts,
)
from sample_videos.errors import SampleError
from sample_videos.scenario import Scenario

_Polygon = list[list[float]]
"""Corners in metres on the ground."""

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
STREET_ZONE: _Polygon = [[-4, 3.2], [4, 3.2], [5, 9], [-5, 9]]
OPEN_STREETS = tuple(f"vending/images/neg_{n:04d}.webp" for n in (152, 156, 160, 187))
"""Those of `CLEAN_STREETS` with room for a stall or a crowd in front."""
SITE_CAMERA = {
    "id": "main", "position_m": [0.5, -4.5, 2.6], "look_at_m": [0.0, 4.0, 1.1], "hfov_deg": 56,
    "size": [960, 540],
}  # fmt: skip
LAWN = "pets09-s2l1/video.mp4"
LAWN_CAMERA = {
    "id": "main", "position_m": [0, 0, 7.3], "look_at_m": [0, 21.4, 0], "hfov_deg": 39,
    "size": [640, 480],
}  # fmt: skip
"""Fitted to the boxes of the clip's own pedestrians, taken to be 1.7 m high."""
LAWN_ZONE: _Polygon = [[-4.2, 12], [0.3, 12], [0.8, 17], [-5.2, 17]]
"""Grass beside the path: for the first 53 s none of the clip's own pedestrians walks there."""
HALL = "intel-worker-zone.mp4"
HALL_CAMERA = {
    "id": "main", "position_m": [0, 0, 1.85], "look_at_m": [0, 9.4, 0], "hfov_deg": 60,
    "size": [960, 540],
}  # fmt: skip
"""Fitted to the clip's own worker, who wears a helmet."""
HALL_ZONE: _Polygon = [[-3.5, 3.5], [3.5, 3.5], [4, 9], [-4, 9]]
_GUESTS = 15


def composites(data: Path, footage: bool, few: bool) -> list[Scenario]:
    """The composites of the benchmark.

    Args:
        data: Folder of annotated pictures.
        footage: There are real clips too, to be backdrops.
        few: Only heaps in streets and people on drawn sites.

    Raises:
        SampleError: there are no heaps, or no people with or without helmets.
    """
    out = garbage_composites(data, 10) + helmet_composites(data, 10)
    if not few:
        out += vending_composites(6) + bin_composites(6) + crowd_composites(6, footage)
        out += hall_composites(4) if footage else []
    return out


def garbage_composites(data: Path, count: int, seed: int = 1) -> list[Scenario]:
    """A real heap is dumped in a real street at a known second; every third street stays clean."""
    rng = np.random.default_rng([seed, 1])
    heaps = heap_cutouts(data)
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
                "zones": [{"id": "street", "polygon_m": STREET_ZONE,
                           "rules": {"garbage": {"dwell_s": 10}}}],
                "actors": actors, "events": events,
                "passers": [{"id": "walker", "per_minute": 5, "bag_share": 0.2,
                             "lanes_m": [[[-7, 7.2], [7, 7.4]]]}],
            })
        )  # fmt: skip
    return out


def vending_composites(count: int, seed: int = 1) -> list[Scenario]:
    """A real stall is set up in a real street and taken away; every third one is permitted."""
    rng = np.random.default_rng([seed, 3])
    out = []
    for n in range(count):
        stall, height = STALLS[n % len(STALLS)]
        x, y = float(rng.uniform(-0.6, 0.6)), float(rng.uniform(5.5, 7.0))
        vendor = BARE[n % len(BARE)]
        permits = [{"from": "00:00", "to": "23:59"}] if n % 3 == 2 else []
        actors = [
            {"id": "stall", "kind": "cutout", "picture": stall, "label": "stall",
             "size_m": height},
            _person("vendor", vendor),
        ]  # fmt: skip
        events: list[dict[str, Any]] = [
            {"actor": "stall", "do": "enter", "at_s": 14, "to_m": [[x, y]]},
            {"actor": "stall", "do": "leave", "at_s": 50},
            *_visit("vendor", 5.0, [7.5, y - 0.4], [x + 1.9, y - 0.4], 51.0),
        ]
        rules = {"street_vending": {"dwell_s": 12, "permits": permits}}
        out.append(
            _composite(
                f"real-stall-{n:02d}", "A real stall in a real street.", seed * 100 + n, 70,
                {"backdrop": _street(n), "cameras": [STREET_CAMERA], "actors": actors,
                 "events": events, "zones": [_zone("street", STREET_ZONE, rules)]},
            )
        )  # fmt: skip
    return out


def bin_composites(count: int, seed: int = 1) -> list[Scenario]:
    """A real closed bin overflows and is emptied, overflows to the end, or stays closed."""
    rng = np.random.default_rng([seed, 4])
    out = []
    for n in range(count):
        x, y = float(rng.uniform(-1.2, 1.2)), float(rng.uniform(5.0, 6.5))
        shown = {"closed": CLOSED_BINS[n % len(CLOSED_BINS)]}
        events: list[dict[str, Any]] = []
        if n % 3 != 2:
            shown["full"] = OVERFLOWING_BINS[n % len(OVERFLOWING_BINS)]
            events = [
                {"actor": "closed", "do": "leave", "at_s": 14},
                {"actor": "full", "do": "enter", "at_s": 14, "to_m": [[x, y]]},
            ]
        if n % 3 == 0:
            events += [
                {"actor": "full", "do": "leave", "at_s": 44},
                {"actor": "closed", "do": "enter", "at_s": 44, "to_m": [[x, y]]},
            ]
        labels = {"closed": "bin", "full": "overflowing_bin"}
        actors = [
            {"id": name, "kind": "cutout", "picture": picture, "label": labels[name],
             "size_m": 1.5, "at_m": [x, y] if name == "closed" else None}
            for name, picture in shown.items()
        ]  # fmt: skip
        rules = {"overflowing_bin": {"dwell_s": 8}}
        out.append(
            _composite(
                f"real-bin-{n:02d}", "A real bin in a real street.", seed * 100 + n, 60,
                {"backdrop": _street(n), "cameras": [STREET_CAMERA], "actors": actors,
                 "events": events, "zones": [_zone("street", STREET_ZONE, rules)],
                 "passers": [{"id": "walker", "per_minute": 4, "lanes_m": [[[-7, 8], [7, 8.2]]]}]},
            )
        )  # fmt: skip
    return out


def crowd_composites(count: int, footage: bool, seed: int = 1) -> list[Scenario]:
    """Real people gather in a real street, or on a lawn that a real camera films, and go.

    Every third time too few come.

    Args:
        count: Number of scenarios.
        footage: Every second one on the lawn of `LAWN`.
        seed: Decides where they stand and when they come.
    """
    rng = np.random.default_rng([seed, 5])
    out = []
    for n in range(count):
        lawn = footage and n % 2 == 1
        camera, zone = (LAWN_CAMERA, LAWN_ZONE) if lawn else (STREET_CAMERA, STREET_ZONE)
        (x0, x1), (y0, y1) = ((-4.0, 0.2), (12.6, 16.4)) if lawn else ((-3.0, 3.0), (5.0, 8.4))
        actors, events = [], []
        for k in range(5 if n % 3 == 2 else _GUESTS):
            name, side = f"p{k}", 1 if k % 2 else -1
            # Neighbours in depth stand far apart in width, so that few hide each other.
            across = (7 * k % _GUESTS + float(rng.uniform(0.1, 0.9))) / _GUESTS
            spot = [x0 + (x1 - x0) * across, y0 + (y1 - y0) * k / _GUESTS]
            actors.append(_person(name, BYSTANDERS[k % len(BYSTANDERS)]))
            leaves = float(rng.uniform(43, 49))
            door = [side * 9.0, spot[1]]
            events += _visit(name, float(rng.uniform(1, 12)), door, spot, leaves)
        backdrop = {"kind": "picture", "picture": LAWN} if lawn else _street(n)
        rules = {"crowding": {"dwell_s": 8, "people": 9}}
        out.append(
            _composite(
                f"real-crowd-{n:02d}", "Real people gather.", seed * 100 + n, 60,
                {"backdrop": backdrop, "cameras": [camera], "actors": actors, "events": events,
                 "zones": [_zone("place", zone, rules)]},
            )
        )  # fmt: skip
    return out


def hall_composites(count: int, seed: int = 1) -> list[Scenario]:
    """Real people come into a hall that a real camera films (`HALL`); every second time one of
    them wears no helmet."""
    rng = np.random.default_rng([seed, 6])
    cast = {"backdrop": {"kind": "picture", "picture": HALL}, "cameras": [HALL_CAMERA],
            "zones": [_zone("works", HALL_ZONE, {"missing_helmet": {"dwell_s": 6}})]}  # fmt: skip
    people = {"bare": BARE, "helmet": HELMETED}
    out = []
    for n in range(count):
        actors, events = [], []
        for k, head in enumerate(("helmet", "bare" if n % 2 else "helmet")):
            picture = people[head][int(rng.integers(len(people[head])))]
            actors.append({**_person(f"p{k}", picture), "clothes": {"head": head}})
            # To the right of the clip's own worker, whom no cut-out can stand behind.
            spot = [0.7 + 1.7 * k + float(rng.uniform(-0.3, 0.3)), float(rng.uniform(5.0, 6.5))]
            events += _visit(f"p{k}", 10.0 - 5 * k, [6.5, spot[1]], spot, 40.0)
        out.append(
            _composite(
                f"real-hall-{n:02d}", "Real people in a real hall.", seed * 100 + n, 60,
                {**cast, "actors": actors, "events": events},
            )
        )  # fmt: skip
    return out


def _person(name: str, picture: str) -> dict[str, Any]:
    return {"id": name, "kind": "cutout", "picture": picture, "label": "person", "size_m": 1.75}


def _visit(
    name: str, at_s: float, door: Sequence[float], spot: Sequence[float], leaves_s: float
) -> list[dict[str, Any]]:
    """Somebody comes from a door to a spot, and goes back at a second."""
    return [
        {"actor": name, "do": "enter", "at_s": at_s, "to_m": [door]},
        {"actor": name, "do": "walk", "to_m": [spot], "speed_m_s": 1.2},
        {"actor": name, "do": "walk", "at_s": leaves_s, "to_m": [door], "speed_m_s": 1.2},
        {"actor": name, "do": "leave"},
    ]


def _street(number: int) -> dict[str, str]:
    return {"kind": "picture", "picture": OPEN_STREETS[number % len(OPEN_STREETS)]}


def _zone(name: str, polygon: _Polygon, rules: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "polygon_m": polygon, "rules": rules}


def _composite(
    name: str, about: str, seed: int, duration_s: float, parts: dict[str, Any]
) -> Scenario:
    return Scenario.model_validate(
        {"name": name, "about": about, "seed": seed, "duration_s": duration_s, "fps": 2,
         "conditions": {"crf": 24}, **parts}
    )  # fmt: skip


def helmet_composites(data: Path, count: int, seed: int = 1) -> list[Scenario]:
    """Real people with and without helmets cross a drawn site; every second clip is in order."""
    rng = np.random.default_rng([seed, 2])
    people: dict[str, list[str]] = {"helmet": [], "bare": []}
    for name, head in head_cutouts(data):
        people[head].append(name)
    if not people["helmet"] or not people["bare"]:
        raise SampleError(
            f"{data.name}/helmet must show people with and without helmets, "
            f"found {len(people['helmet'])} and {len(people['bare'])}"
        )
    return [_site_clip(n, seed, rng, people) for n in range(count)]


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
