"""Turns an actor's state into solids to draw and into the class that its box has."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from sample_videos.drawing import things
from sample_videos.drawing.people import HAIRS, SKINS, Look, Pose, body
from sample_videos.drawing.solids import Colour, Solid
from sample_videos.scenario import ActorSpec, Rgb
from sample_videos.timeline import ActorState, stride_phase

_JACKETS: tuple[Colour, ...] = (
    (110, 70, 45), (50, 50, 55), (60, 55, 140), (150, 150, 155), (85, 110, 70), (40, 90, 150),
    (190, 185, 180), (95, 60, 95), (70, 130, 180), (35, 40, 90), (140, 110, 60), (205, 200, 205),
)  # fmt: skip
_TROUSERS: tuple[Colour, ...] = (
    (70, 50, 38),
    (45, 42, 42),
    (95, 95, 100),
    (60, 75, 95),
    (120, 95, 70),
    (35, 35, 40),
)
_HATS: tuple[Colour, ...] = (
    (40, 195, 240),
    (235, 235, 235),
    (190, 90, 30),
    (50, 60, 210),
    (60, 120, 240),
)
_PAINTS: tuple[Colour, ...] = (
    (200, 200, 205),
    (60, 60, 62),
    (50, 45, 150),
    (150, 100, 50),
    (225, 228, 230),
)
_BINS: tuple[Colour, ...] = ((70, 110, 60), (130, 90, 40), (75, 75, 78), (60, 95, 120))


@dataclass(slots=True)
class Prop:
    """An actor ready to be drawn.

    Attributes:
        solids: What to draw, in world metres.
        parts: Parts that have a box of their own: class to solids (head, parasol).
        label: Class of the whole, None if it has none.
        at_m: Foot point, for ordering and light.
        key: Equal keys draw equal pictures.
        hand_m: Where a person carries things.
    """

    solids: list[Solid]
    parts: dict[str, list[Solid]] = field(default_factory=dict)
    label: str | None = None
    at_m: tuple[float, float] = (0.0, 0.0)
    key: tuple[object, ...] | None = None
    hand_m: tuple[float, float, float] = (0.0, 0.0, 0.0)


def look_of(actor: ActorSpec, seed: int) -> Look:
    """A person's looks: what the scenario fixes, the rest from the seed and the actor's name."""
    rng = np.random.default_rng([seed, *actor.id.encode()])

    def pick(choices: tuple[Colour, ...]) -> Colour:
        return choices[int(rng.integers(len(choices)))]

    height, skin, hair = float(rng.normal(1.69, 0.07)), pick(SKINS), pick(HAIRS)
    jacket, trousers, hat = pick(_JACKETS), pick(_TROUSERS), pick(_HATS)
    stout = float(rng.normal(1.0, 0.06))
    c = actor.clothes
    return Look(
        height_m=c.height_m or float(np.clip(height, 1.52, 1.88)),
        jacket=_bgr(c.jacket) or jacket,
        trousers=_bgr(c.trousers) or trousers,
        skin=skin,
        hair=hair,
        head=c.head,
        hat=_bgr(c.hat) or hat,
        vest=_bgr(c.vest),
        stout=float(np.clip(stout, 0.88, 1.2)),
    )


def _bgr(rgb: Rgb | None) -> Colour | None:
    return None if rgb is None else (float(rgb[2]), float(rgb[1]), float(rgb[0]))


def prop_of(state: ActorState, look: Look | None, seed: int, t_s: float) -> Prop:
    """Solids and class of an actor on the ground (a carried thing belongs to its bearer)."""
    actor = state.actor
    if actor.kind == "person" and look is not None:
        return _person(state, look, t_s)
    seed_of = int(np.random.default_rng([seed, *actor.id.encode()]).integers(1, 10_000))
    solids, label, parts = _thing(state, (*state.at_m, 0.0), seed_of)
    key = (actor.id, state.at_m, state.heading, state.level)
    return Prop(solids, parts, label, state.at_m, key)


def carried_thing(actor: ActorSpec, hand_m: tuple[float, float, float], seed: int) -> list[Solid]:
    """Solids of a thing in somebody's hand."""
    size = actor.size_m or 0.5
    if actor.kind == "carton":
        return things.carton((hand_m[0], hand_m[1], max(hand_m[2] - 0.1, 0.3)), size, 0.0)
    hang = max(hand_m[2] - 1.05 * size, 0.02)
    return things.bag(
        (hand_m[0], hand_m[1], hang), size, seed, _bgr(actor.colour) or things.BLACK_BAG
    )


def _person(state: ActorState, look: Look, t_s: float) -> Prop:
    phase = None if state.walked_m is None else stride_phase(state.walked_m)
    offset = hash_phase(state.actor.id)
    idle = round((t_s * 0.8 + offset) * 3) / 3
    pose = Pose(phase, state.lean, state.reach, idle, state.sit)
    dressed = look if look.head == state.head else replace(look, head=state.head)
    posed = body(state.at_m, state.heading, dressed, pose)
    label = "helmet" if state.head == "helmet" else "bare_head"
    if state.head == "hood":
        label = "bare_head"
    key = (state.actor.id, state.at_m, state.heading, phase, state.lean, state.reach, idle,
           state.head, state.holds)  # fmt: skip
    return Prop(posed.solids, {label: posed.head[1:]}, "person", state.at_m, key, posed.hand_m)


def hash_phase(name: str) -> float:
    """A phase in 0..2 pi from a name, the same in every run."""
    return sum(name.encode()) % 63 / 10


def _thing(
    state: ActorState, at: tuple[float, float, float], seed: int
) -> tuple[list[Solid], str | None, dict[str, list[Solid]]]:
    actor, heading = state.actor, state.heading
    paint = _bgr(actor.colour)
    kind = actor.kind
    if kind == "bag":
        return things.bag(at, actor.size_m or 0.5, seed, paint or things.BLACK_BAG), "garbage", {}
    if kind == "heap":
        return things.heap(at, actor.bags, seed), "garbage", {}
    if kind == "carton":
        return things.carton(at, actor.size_m or 0.5, heading), "garbage", {}
    if kind == "bin":
        label = "overflowing_bin" if state.level > 1 else "bin"
        return things.bin_(at, heading, state.level, seed, paint or _BINS[seed % 4]), label, {}
    if kind == "stall":
        table = things.stall(at, heading, seed, shade=False)
        foot = (at[0] - 0.3 * math.cos(heading), at[1] - 0.3 * math.sin(heading), 0.0)
        second = things.PALETTE[(seed + 3) % len(things.PALETTE)]
        shade = things.parasol(foot, 2.35, 1.35, [(60, 50, 205), second])
        return table + shade, "stall", {"parasol": shade[1:]}
    if kind == "blanket":
        return things.blanket(at, heading, seed), "stall", {}
    if kind == "parasol":
        shade = things.parasol(at, 2.35, 1.35, [paint or (60, 50, 205), (225, 230, 235)])
        return shade, "parasol", {}
    if kind == "tricycle":
        return things.tricycle(at, heading, seed), "tricycle", {}
    if kind in ("car", "van"):
        return things.car(at, heading, paint or _PAINTS[seed % 5], kind == "van"), "car", {}
    if kind == "tree":
        return things.tree(at, actor.size_m or 5.0, seed), None, {}
    if kind == "post":
        return things.post(at, actor.size_m or 5.0, 0.09, paint or (90, 92, 95)), None, {}
    if kind == "planter":
        return things.planter(at, seed), None, {}
    return things.scaffold(at, heading, actor.size_m or 6.0), None, {}
