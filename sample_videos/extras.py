"""Draws the people of crowds, queues and passing streams from a scenario's seed."""

from __future__ import annotations

import math

import numpy as np

from sample_videos.scenario import (
    ActorSpec,
    Clothes,
    CrowdSpec,
    EventSpec,
    Metres2,
    PassersSpec,
    Scenario,
)

_ELBOW_M = 0.55
_QUEUE_STEP_M = 0.8


def expand(scenario: Scenario) -> tuple[list[ActorSpec], list[EventSpec]]:
    """All actors and events, with those that crowds and passers stand for."""
    actors, events = list(scenario.actors), list(scenario.events)
    for index, crowd in enumerate(scenario.crowds):
        rng = np.random.default_rng([scenario.seed, 101, index])
        _crowd(crowd, rng, actors, events)
    for index, passers in enumerate(scenario.passers):
        rng = np.random.default_rng([scenario.seed, 202, index])
        _passers(passers, scenario.duration_s, rng, actors, events)
    return actors, events


def _spots(crowd: CrowdSpec, rng: np.random.Generator) -> list[Metres2]:
    (x0, y0), (x1, y1) = crowd.area_m
    if crowd.shape == "line":
        length = math.dist((x0, y0), (x1, y1)) or 1.0
        ux, uy = (x1 - x0) / length, (y1 - y0) / length
        jitter = rng.normal(0, 0.08, crowd.count)
        return [
            (x0 + ux * _QUEUE_STEP_M * i - uy * j, y0 + uy * _QUEUE_STEP_M * i + ux * j)
            for i, j in enumerate(jitter)
        ]
    spots: list[Metres2] = []
    for _ in range(crowd.count):
        for _ in range(60):
            spot = (float(rng.uniform(x0, x1)), float(rng.uniform(y0, y1)))
            if all(math.dist(spot, other) > _ELBOW_M for other in spots):
                break
        spots.append(spot)
    return spots


def _crowd(crowd: CrowdSpec, rng: np.random.Generator, actors: list[ActorSpec],
           events: list[EventSpec]) -> None:  # fmt: skip
    for i, spot in enumerate(_spots(crowd, rng)):
        name = f"{crowd.id}-{i}"
        door = crowd.doors_m[int(rng.integers(len(crowd.doors_m)))]
        arrive = float(rng.uniform(*crowd.arrive_s))
        speed = float(rng.uniform(1.0, 1.5))
        face = float(rng.uniform(0, 360)) if crowd.shape == "cluster" else _queue_face(crowd)
        if arrive <= 0:
            actors.append(ActorSpec(id=name, kind="person", at_m=spot, heading_deg=face))
        else:
            actors.append(ActorSpec(id=name, kind="person"))
            start = max(0.0, arrive - math.dist(door, spot) / speed)
            events.append(EventSpec(actor=name, do="enter", at_s=start, to_m=(door,)))
            events.append(
                EventSpec(actor=name, do="walk", to_m=(spot,), speed_m_s=speed, face_deg=face)
            )
            arrive = start + math.dist(door, spot) / speed
        if crowd.leave_s is not None:
            leave = max(float(rng.uniform(*crowd.leave_s)), arrive + 0.5)
            away = crowd.doors_m[int(rng.integers(len(crowd.doors_m)))]
            events.append(
                EventSpec(actor=name, do="walk", at_s=leave, to_m=(away,), speed_m_s=speed)
            )
            events.append(EventSpec(actor=name, do="leave"))


def _queue_face(crowd: CrowdSpec) -> float:
    (x0, y0), (x1, y1) = crowd.area_m
    return math.degrees(math.atan2(y0 - y1, x0 - x1))


def _passers(passers: PassersSpec, duration_s: float, rng: np.random.Generator,
             actors: list[ActorSpec], events: list[EventSpec]) -> None:  # fmt: skip
    start, end = passers.between_s or (-20.0, duration_s)
    now, index = start, 0
    while True:
        now += float(rng.exponential(60.0 / passers.per_minute))
        if now >= end:
            return
        lane = passers.lanes_m[int(rng.integers(len(passers.lanes_m)))]
        a, b = lane if rng.random() < 0.5 else (lane[1], lane[0])
        side = float(rng.uniform(-0.45, 0.45))
        a, b = (a[0], a[1] + side), (b[0], b[1] + side)
        speed = float(rng.uniform(0.9, 1.55))
        name = f"{passers.id}-{index}"
        index += 1
        pause = rng.random() < passers.pause_share
        share = float(rng.uniform(0.3, 0.7))
        lasts = float(rng.uniform(*passers.pause_s)) if pause else 0.0
        with_bag = rng.random() < passers.bag_share
        if now < 0:
            moved = -now * speed / max(math.dist(a, b), 1e-6)
            if moved >= 0.95:
                continue
            a = (a[0] + moved * (b[0] - a[0]), a[1] + moved * (b[1] - a[1]))
        actors.append(ActorSpec(id=name, kind="person", clothes=Clothes(head=passers.head)))
        events.append(EventSpec(actor=name, do="enter", at_s=max(now, 0.0), to_m=(a,)))
        if with_bag:
            shop = ((60, 60, 200), (200, 200, 205), (60, 140, 70))[int(rng.integers(3))]
            actors.append(
                ActorSpec(id=f"{name}-bag", kind="bag", size_m=0.3, colour=shop, in_hand_of=name)
            )
        if pause:
            stop = (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))
            events.append(EventSpec(actor=name, do="walk", to_m=(stop,), speed_m_s=speed))
            events.append(
                EventSpec(actor=name, do="stand", for_s=lasts, face_deg=float(rng.uniform(0, 360)))
            )
        events.append(EventSpec(actor=name, do="walk", to_m=(b,), speed_m_s=speed))
        events.append(EventSpec(actor=name, do="leave"))
