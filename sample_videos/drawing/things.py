"""Bags, heaps, bins, stalls, parasols, tricycles, cars and street furniture as solids."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sample_videos.drawing.solids import (
    Capsule,
    Colour,
    Face,
    Solid,
    ball,
    box,
    disc,
    frame_of,
)

Point = Sequence[float]

BLACK_BAG: Colour = (34, 30, 30)
PALETTE: tuple[Colour, ...] = (
    (60, 60, 200),
    (200, 120, 40),
    (60, 170, 230),
    (70, 150, 70),
    (180, 180, 190),
    (40, 110, 220),
)


def bag(at_m: Point, size_m: float, seed: int, colour: Colour = BLACK_BAG) -> list[Solid]:
    """A tied plastic bag: a dented, glossy body, a neck and two ears."""
    rng = np.random.default_rng(seed)
    x, y, z = at_m
    r = size_m / 2
    parts: list[Solid] = []
    for _ in range(4):
        dx, dy = rng.uniform(-0.22, 0.22, 2) * r
        centre = np.array((x + dx, y + dy, z + r * rng.uniform(0.78, 0.95)))
        parts.append(
            Capsule(
                centre,
                centre + np.array((0, 0, 0.25 * r)),
                r * rng.uniform(0.82, 0.98),
                r * 0.62,
                colour,
                gloss=0.75,
                crumple=0.85,
                grain=0.25,
            )
        )
    top = np.array((x, y, z + 1.62 * r))
    parts.append(
        Capsule(top, top + np.array((0, 0, 0.35 * r)), 0.2 * r, 0.12 * r, colour, gloss=0.6)
    )
    for sign in (-1, 1):
        ear = top + np.array((sign * 0.3 * r, 0.1 * r, 0.55 * r))
        parts.append(
            Capsule(top + np.array((0, 0, 0.3 * r)), ear, 0.1 * r, 0.15 * r, colour, gloss=0.7)
        )
    return parts


def heap(at_m: Point, bags: int, seed: int) -> list[Solid]:
    """A heap of bags, a torn carton and loose litter around it."""
    rng = np.random.default_rng(seed)
    x, y, z = at_m
    parts: list[Solid] = []
    spread = 0.28 * math.sqrt(max(bags, 1))
    shades: tuple[Colour, ...] = (
        BLACK_BAG,
        BLACK_BAG,
        (55, 45, 40),
        (200, 205, 210),
        (120, 90, 50),
    )
    for i in range(bags):
        angle, reach = rng.uniform(0, 2 * math.pi), spread * math.sqrt(rng.uniform(0, 1))
        lift = 0.28 if i >= 4 and reach < spread * 0.5 else 0.0
        place = (x + reach * math.cos(angle), y + reach * math.sin(angle) * 0.7, z + lift)
        shade = shades[int(rng.integers(len(shades)))]
        parts += bag(place, rng.uniform(0.42, 0.62), seed * 31 + i, shade)
    if bags >= 2:
        parts += carton((x + spread * 1.1, y - 0.2, z), 0.45, rng.uniform(0, 3))
    for _ in range(bags * 2):
        px, py = rng.normal(0, spread * 0.9 + 0.1, 2)
        colour = PALETTE[int(rng.integers(len(PALETTE)))]
        parts += litter((x + px, y + py * 0.7, z), colour, rng.uniform(0, 3))
    return parts


def litter(at_m: Point, colour: Colour, heading: float) -> list[Solid]:
    """A crumpled wrapper."""
    corners = frame_of(
        at_m,
        heading,
        [
            (-0.1, -0.06, 0.01),
            (0.09, -0.07, 0.05),
            (0.11, 0.07, 0.01),
            (-0.08, 0.08, 0.06),
        ],
    )
    return [Face(corners, colour, grain=0.3)]


def carton(at_m: Point, size_m: float, heading: float) -> list[Solid]:
    """A cardboard box with an open lid."""
    brown: Colour = (95, 140, 178)
    parts = box(at_m, (size_m, size_m * 0.75, size_m * 0.6), heading, brown, (60, 95, 125))
    flap = frame_of(
        at_m,
        heading,
        [
            (size_m / 2, -size_m * 0.37, size_m * 0.6),
            (size_m / 2, size_m * 0.37, size_m * 0.6),
            (size_m * 0.8, size_m * 0.37, size_m * 0.72),
            (size_m * 0.8, -size_m * 0.37, size_m * 0.72),
        ],
    )
    return [*parts, Face(flap, brown)]


def bin_(at_m: Point, heading: float, level: float, seed: int, colour: Colour) -> list[Solid]:
    """A wheeled container of 0.7 m x 0.6 m x 1.05 m; above level 1 bags stand out of it."""
    full = level > 1.0
    parts = box(at_m, (0.62, 0.72, 1.0), heading, colour, (25, 28, 28))
    x, y, z = at_m
    rim = box((x, y, z + 0.96), (0.68, 0.78, 0.07), heading, colour, (18, 20, 20))
    parts += rim
    if not full:
        lid = frame_of(
            (x, y, z + 1.03),
            heading,
            [
                (-0.36, -0.41, 0.06),
                (0.38, -0.41, 0.02),
                (0.38, 0.41, 0.02),
                (-0.36, 0.41, 0.06),
            ],
        )
        parts.append(Face(lid, colour, gloss=0.2))
    else:
        lid = frame_of(
            (x, y, z + 1.0),
            heading,
            [
                (-0.36, -0.41, 0.0),
                (-0.36, 0.41, 0.0),
                (-0.62, 0.41, 0.62),
                (-0.62, -0.41, 0.62),
            ],
        )
        parts.append(Face(lid, colour))
        for i in range(int(2 + 5 * (level - 1))):
            angle = i * 2.4 + seed
            spot = (x + 0.16 * math.cos(angle), y + 0.2 * math.sin(angle), z + 0.9 + 0.1 * (i % 3))
            parts += bag(spot, 0.42, seed * 7 + i, BLACK_BAG if i % 3 else (205, 210, 215))
    for sign in (-1, 1):
        hub = frame_of(at_m, heading, [(-0.28, sign * 0.38, 0.09)])[0]
        parts.append(disc(tuple(hub), heading + math.pi / 2, 0.09, (30, 30, 30), 10))
    return parts


def parasol(
    at_m: Point, height_m: float, radius_m: float, colours: Sequence[Colour]
) -> list[Solid]:
    """A sunshade of eight panels on a pole."""
    x, y, z = at_m
    pole = Capsule(
        np.array((x, y, z)), np.array((x, y, z + height_m)), 0.025, 0.02, (190, 190, 195)
    )
    apex = np.array((x, y, z + height_m))
    parts: list[Solid] = [pole]
    drop = 0.32 * radius_m
    for i in range(8):
        a, b = i * math.pi / 4, (i + 1) * math.pi / 4
        rim = [
            apex + np.array((radius_m * math.cos(t), radius_m * math.sin(t), -drop)) for t in (a, b)
        ]
        hem = [point - np.array((0, 0, 0.14)) for point in rim]
        shade = colours[i % len(colours)]
        parts.append(Face(np.array([apex, *rim]), shade))
        parts.append(Face(np.array([rim[0], rim[1], hem[1], hem[0]]), shade))
    return parts


def stall(at_m: Point, heading: float, seed: int, shade: bool = True) -> list[Solid]:
    """A folding table with a cloth and goods, under a parasol."""
    rng = np.random.default_rng(seed)
    x, y, z = at_m
    cloth = PALETTE[seed % len(PALETTE)]
    parts = box((x, y, z + 0.12), (0.9, 1.7, 0.62), heading, cloth, (205, 215, 220))
    for row in range(3):
        for column in range(6):
            spot = frame_of(
                (x, y, z + 0.80), heading, [(-0.28 + 0.28 * row, -0.7 + 0.28 * column, 0.0)]
            )
            goods = PALETTE[int(rng.integers(len(PALETTE)))]
            if (row + column) % 3:
                parts.append(ball(spot[0], rng.uniform(0.07, 0.11), goods, 0.25))
            else:
                parts += box(spot[0] - (0, 0, 0.06), (0.2, 0.2, 0.16), heading, goods)
    crate = frame_of((x, y, z), heading, [(-0.7, 0.6, 0.0)])[0]
    parts += box(crate, (0.45, 0.6, 0.3), heading, (60, 120, 190))
    if shade:
        foot = frame_of((x, y, z), heading, [(-0.3, 0.0, 0.0)])[0]
        second = PALETTE[(seed + 3) % len(PALETTE)]
        parts += parasol(tuple(foot), 2.35, 1.35, [(60, 50, 205), second])
    return parts


def blanket(at_m: Point, heading: float, seed: int) -> list[Solid]:
    """Goods spread on a cloth on the ground."""
    rng = np.random.default_rng(seed)
    sheet = frame_of(
        at_m, heading, [(-0.6, -0.9, 0.02), (0.6, -0.9, 0.02), (0.6, 0.9, 0.02), (-0.6, 0.9, 0.02)]
    )
    parts: list[Solid] = [Face(sheet, (150, 70, 60))]
    for _ in range(26):
        spot = frame_of(at_m, heading, [(rng.uniform(-0.5, 0.5), rng.uniform(-0.8, 0.8), 0.03)])[0]
        colour = PALETTE[int(rng.integers(len(PALETTE)))]
        parts += box(spot, (0.16, 0.12, rng.uniform(0.04, 0.14)), heading, colour)
    return parts


def tricycle(at_m: Point, heading: float, seed: int, loaded: bool = True) -> list[Solid]:
    """A cargo tricycle with an open box full of fruit."""
    rng = np.random.default_rng(seed)
    frame: Colour = (140, 90, 40)
    side = heading + math.pi / 2
    parts: list[Solid] = []
    tray = frame_of(at_m, heading, [(-0.45, 0.0, 0.48)])[0]
    parts += box(tray, (1.35, 0.95, 0.34), heading, frame, (70, 60, 50))
    for forward, left in ((-0.5, 0.5), (-0.5, -0.5), (1.05, 0.0)):
        hub = frame_of(at_m, heading, [(forward, left, 0.3)])[0]
        parts.append(disc(tuple(hub), side, 0.3, (32, 32, 34)))
        parts.append(
            disc(
                tuple(hub + 0.012 * np.array((math.cos(side), math.sin(side), 0))),
                side,
                0.2,
                (120, 120, 125),
            )
        )
    ends = frame_of(
        at_m,
        heading,
        [
            (0.2, 0, 0.5),
            (0.95, 0, 0.75),
            (1.05, 0, 0.3),
            (0.9, 0, 1.0),
            (0.85, -0.28, 1.05),
            (0.85, 0.28, 1.05),
            (0.35, 0, 0.8),
        ],
    )
    for a, b in ((0, 1), (1, 2), (1, 3), (4, 5), (0, 6)):
        parts.append(Capsule(ends[a], ends[b], 0.028, 0.028, (60, 60, 65), gloss=0.4))
    parts.append(Capsule(ends[6] - (0.0, 0, 0), ends[6] + (0, 0, 0.03), 0.1, 0.1, (25, 25, 25)))
    if loaded:
        for _ in range(44):
            spot = frame_of(
                at_m,
                heading,
                [(rng.uniform(-1.05, 0.15), rng.uniform(-0.4, 0.4), rng.uniform(0.82, 0.92))],
            )[0]
            parts.append(
                ball(spot, 0.075, ((40, 140, 235), (50, 60, 200), (60, 190, 120))[seed % 3], 0.3)
            )
    return parts


def car(at_m: Point, heading: float, colour: Colour, van: bool = False) -> list[Solid]:
    """A saloon or a van of plain shapes with dark glass."""
    long, wide = (4.9, 1.85) if van else (4.4, 1.75)
    glass: Colour = (58, 52, 46)
    half, w = long / 2, wide / 2
    belt, roof = (1.1, 1.95) if van else (0.88, 1.42)
    lower = [
        (-half, 0.32),
        (-half, belt),
        (half - 0.15, belt - 0.12),
        (half, belt - 0.3),
        (half, 0.32),
    ]
    cabin = (
        [(-half + 0.05, belt), (-half + 0.12, roof), (half - 1.35, roof), (half - 0.55, belt - 0.1)]
        if van
        else [(-half + 0.35, belt), (-half + 0.95, roof), (0.55, roof), (1.25, belt - 0.05)]
    )
    parts = _extruded(at_m, heading, lower, w, colour, colour)
    parts += _extruded(at_m, heading, cabin, w * 0.88, glass if not van else colour, colour)
    for forward in (-half + 0.8, half - 0.85):
        for left in (-w - 0.01, w + 0.01):
            hub = frame_of(at_m, heading, [(forward, left, 0.32)])[0]
            parts.append(disc(tuple(hub), heading + math.pi / 2, 0.32, (28, 28, 30)))
            cap = frame_of(at_m, heading, [(forward, left * 1.015, 0.32)])[0]
            parts.append(disc(tuple(cap), heading + math.pi / 2, 0.18, (150, 150, 155)))
    for left in (-w + 0.25, w - 0.25):
        front = frame_of(at_m, heading, [(half, left, belt - 0.42)])[0]
        rear = frame_of(at_m, heading, [(-half, left, belt - 0.2)])[0]
        parts.append(ball(front, 0.1, (225, 235, 240), 0.6))
        parts.append(ball(rear, 0.09, (40, 40, 200), 0.4))
    return parts


def _extruded(
    at_m: Point,
    heading: float,
    profile: Sequence[tuple[float, float]],
    half_width: float,
    sides: Colour,
    tops: Colour,
) -> list[Solid]:
    """A profile in (forward, up) stretched across the vehicle; glossy."""
    parts: list[Solid] = []
    for sign in (-1.0, 1.0):
        wall = frame_of(at_m, heading, [(f, sign * half_width, u) for f, u in profile])
        parts.append(Face(wall, sides, gloss=0.25, grain=0.02))
    n = len(profile)
    for i in range(n):
        (f0, u0), (f1, u1) = profile[i], profile[(i + 1) % n]
        face = frame_of(
            at_m,
            heading,
            [
                (f0, -half_width, u0),
                (f1, -half_width, u1),
                (f1, half_width, u1),
                (f0, half_width, u0),
            ],
        )
        steep = abs(u1 - u0) > 0.6 * abs(f1 - f0)
        glassy = steep and sides != tops
        parts.append(Face(face, sides if glassy else tops, gloss=0.35, grain=0.02))
    return parts


def post(at_m: Point, height_m: float, radius_m: float, colour: Colour) -> list[Solid]:
    """A lamp post, a tree trunk or a bollard."""
    x, y, z = at_m
    foot, head = np.array((x, y, z)), np.array((x, y, z + height_m))
    return [Capsule(foot, head, radius_m, radius_m * 0.8, colour, grain=0.25)]


def tree(at_m: Point, height_m: float, seed: int) -> list[Solid]:
    """A street tree: trunk and a crown of leaf balls."""
    rng = np.random.default_rng(seed)
    parts = post(at_m, height_m * 0.55, 0.13, (50, 65, 85))
    x, y, z = at_m
    for _ in range(34):
        offset = rng.normal(0, 1, 3) * (0.75, 0.75, 0.6)
        centre = np.array((x, y, z + height_m * 0.75)) + offset
        green = (rng.uniform(35, 60), rng.uniform(85, 125), rng.uniform(55, 85))
        parts.append(
            Capsule(centre, centre, rng.uniform(0.35, 0.6), 0.4, green, crumple=1.4, grain=0.6)
        )
    return parts


def planter(at_m: Point, seed: int) -> list[Solid]:
    """A concrete flower trough with a shrub; hides what stands behind it."""
    rng = np.random.default_rng(seed)
    x, y, z = at_m
    parts = box(at_m, (0.7, 1.6, 0.5), 0.0, (150, 155, 160), (50, 60, 70))
    for _ in range(16):
        centre = np.array(
            (x + rng.uniform(-0.25, 0.25), y + rng.uniform(-0.7, 0.7), z + rng.uniform(0.55, 0.85))
        )
        parts.append(Capsule(centre, centre, 0.22, 0.22, (50, 110, 70), crumple=1.3, grain=0.5))
    return parts


def scaffold(at_m: Point, heading: float, length_m: float) -> list[Solid]:
    """Two storeys of scaffold tubes and boards."""
    tube: Colour = (165, 170, 175)
    parts: list[Solid] = []
    for forward in np.arange(0, length_m + 0.1, 2.0):
        for left in (0.0, 1.0):
            ends = frame_of(at_m, heading, [(forward, left, 0.0), (forward, left, 4.6)])
            parts.append(Capsule(ends[0], ends[1], 0.03, 0.03, tube, gloss=0.3))
    for height in (2.0, 3.0, 4.0):
        for left in (0.0, 1.0):
            ends = frame_of(at_m, heading, [(0, left, height), (length_m, left, height)])
            parts.append(Capsule(ends[0], ends[1], 0.025, 0.025, tube, gloss=0.3))
    board = frame_of(
        at_m, heading, [(0, 0, 2.0), (length_m, 0, 2.0), (length_m, 1, 2.0), (0, 1, 2.0)]
    )
    return [*parts, Face(board, (90, 140, 170))]
