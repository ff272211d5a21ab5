"""People as articulated solids: proportions of an adult, walking, bending, carrying, hats."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from sample_videos.drawing.solids import Capsule, Colour, Face, Solid, Vector, frame_of

SKINS: tuple[Colour, ...] = ((150, 175, 215), (120, 150, 200), (95, 125, 175), (70, 95, 140))
HAIRS: tuple[Colour, ...] = ((22, 22, 26), (30, 34, 44), (50, 60, 75), (110, 112, 118))


@dataclass(frozen=True, slots=True)
class Look:
    """How a person is dressed.

    Attributes:
        height_m: From the sole to the crown.
        jacket: Colour of the upper body.
        trousers: Colour of the legs.
        skin: Colour of face and hands.
        hair: Colour of the hair.
        head: "bare", "helmet", "cap" or "hood".
        hat: Colour of helmet or cap.
        vest: Colour of a reflective vest over the jacket, None without.
        stout: Factor on the body's width.
    """

    height_m: float = 1.72
    jacket: Colour = (120, 70, 50)
    trousers: Colour = (70, 55, 50)
    skin: Colour = SKINS[1]
    hair: Colour = HAIRS[0]
    head: str = "bare"
    hat: Colour = (40, 190, 235)
    vest: Colour | None = None
    stout: float = 1.0


@dataclass(frozen=True, slots=True)
class Pose:
    """How a body is held.

    Attributes:
        stride: Phase of the walk in radians; None while standing.
        lean: Pitch of the upper body in radians, 0 upright, 1.2 bent down.
        reach: 0 arms hanging .. 1 arms stretched forward.
        idle: Phase of small movements while standing, radians.
        sit: True on a low stool.
    """

    stride: float | None = None
    lean: float = 0.0
    reach: float = 0.0
    idle: float = 0.0
    sit: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """A posed person.

    Attributes:
        solids: What to draw.
        head: The solids of head and hat only, for the head's box.
        hand_m: (3,) right hand, where things are carried.
    """

    solids: list[Solid]
    head: list[Solid] = field(default_factory=list)
    hand_m: tuple[float, float, float] = (0.0, 0.0, 0.0)


def body(at_m: tuple[float, float], heading: float, look: Look, pose: Pose) -> Body:
    """A person standing at a ground point, looking along `heading` (radians from x)."""
    joints = _joints(look, pose)
    world = {name: frame_of((*at_m, 0.0), heading, [p])[0] for name, p in joints.items()}
    axes = frame_of((0, 0, 0), heading, [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
    solids = _legs(world, look) + _trunk(world, look) + _arms(world, look)
    head = _head(world, look, axes, pose.lean)
    hand = world["hand_r"]
    return Body(solids + head, head, (float(hand[0]), float(hand[1]), float(hand[2])))


def _joints(look: Look, pose: Pose) -> dict[str, tuple[float, float, float]]:
    """Joints in (forward, left, up) metres."""
    h = look.height_m
    hip_z = 0.52 * h if not pose.sit else 0.30 * h
    swing, lift = 0.0, 0.0
    if pose.stride is not None:
        swing = math.sin(pose.stride)
        lift = 0.015 * math.cos(2 * pose.stride)
    sway = 0.012 * math.sin(pose.idle)
    joints: dict[str, tuple[float, float, float]] = {}
    hip_z += lift
    for side, sign in (("l", 1.0), ("r", -1.0)):
        angle = 0.48 * swing * sign if not pose.sit else 1.35
        bend = 0.0 if pose.stride is None else 0.75 * max(0.0, math.cos(pose.stride) * sign)
        bend = 1.35 if pose.sit else bend + 0.04 + 0.25 * max(pose.lean - 0.4, 0)
        thigh = 0.245 * h
        hip = (sway, sign * 0.085 * look.stout, hip_z)
        knee = (hip[0] + thigh * math.sin(angle), hip[1], hip_z - thigh * math.cos(angle))
        shin = 0.235 * h
        ankle = (
            knee[0] + shin * math.sin(angle - bend),
            knee[1],
            max(knee[2] - shin * math.cos(angle - bend), 0.06),
        )
        joints[f"hip_{side}"], joints[f"knee_{side}"], joints[f"ankle_{side}"] = hip, knee, ankle
        joints[f"toe_{side}"] = (
            ankle[0] + 0.14,
            ankle[1] + sign * 0.02,
            max(ankle[2] - 0.03, 0.035),
        )

    def upper(forward: float, left: float, above_hip: float) -> tuple[float, float, float]:
        c, s = math.cos(pose.lean), math.sin(pose.lean)
        return (sway + forward * c + above_hip * s, left, hip_z + above_hip * c - forward * s)

    shoulder_up = 0.295 * h
    for side, sign in (("l", 1.0), ("r", -1.0)):
        joints[f"chest_{side}"] = upper(0.0, sign * 0.095 * look.stout, shoulder_up - 0.115)
        joints[f"waist_{side}"] = upper(0.0, sign * 0.075 * look.stout, 0.05)
        shoulder = upper(0.0, sign * 0.185 * look.stout, shoulder_up - 0.03)
        angle = -0.42 * swing * sign + 1.25 * pose.reach + 0.06
        elbow = (
            shoulder[0] + 0.165 * h * math.sin(angle),
            shoulder[1] + sign * 0.03,
            shoulder[2] - 0.165 * h * math.cos(angle),
        )
        fore = angle + 0.28 + 0.25 * pose.reach
        joints[f"hand_{side}"] = (
            elbow[0] + 0.15 * h * math.sin(fore),
            elbow[1] - sign * 0.01,
            elbow[2] - 0.15 * h * math.cos(fore),
        )
        joints[f"shoulder_{side}"], joints[f"elbow_{side}"] = shoulder, elbow
    joints["neck"] = upper(0.01, 0.0, shoulder_up)
    joints["chin"] = upper(0.035, 0.0, shoulder_up + 0.062 * h)
    joints["crown"] = upper(0.02, 0.0, shoulder_up + 0.13 * h)
    return joints


def _legs(w: dict[str, Vector], look: Look) -> list[Solid]:
    parts: list[Solid] = []
    shoe: Colour = (38, 36, 40)
    for s in ("l", "r"):
        wide = look.stout
        parts.append(Capsule(w[f"hip_{s}"], w[f"knee_{s}"], 0.098 * wide, 0.066, look.trousers))
        parts.append(Capsule(w[f"knee_{s}"], w[f"ankle_{s}"], 0.066, 0.05, look.trousers))
        parts.append(Capsule(w[f"ankle_{s}"], w[f"toe_{s}"], 0.05, 0.038, shoe))
    return parts


def _trunk(w: dict[str, Vector], look: Look) -> list[Solid]:
    colour = look.vest or look.jacket
    silver: Colour = (215, 225, 225)
    bands = ((0.25, 0.36, silver), (0.62, 0.73, silver)) if look.vest else ()
    parts: list[Solid] = []
    for s in ("l", "r"):
        parts.append(
            Capsule(
                w[f"waist_{s}"],
                w[f"chest_{s}"],
                0.112 * look.stout,
                0.122 * look.stout,
                colour,
                bands=bands,
                grain=0.16,
            )
        )
        parts.append(Capsule(w[f"chest_{s}"], w["neck"], 0.10, 0.06, colour))
        parts.append(
            Capsule(
                w[f"hip_{s}"], w[f"waist_{s}"], 0.108 * look.stout, 0.11 * look.stout, look.jacket
            )
        )
    return parts


def _arms(w: dict[str, Vector], look: Look) -> list[Solid]:
    parts: list[Solid] = []
    for s in ("l", "r"):
        parts.append(Capsule(w[f"shoulder_{s}"], w[f"elbow_{s}"], 0.062, 0.048, look.jacket))
        wrist = w[f"elbow_{s}"] * 0.12 + w[f"hand_{s}"] * 0.88
        parts.append(Capsule(w[f"elbow_{s}"], wrist, 0.048, 0.036, look.jacket))
        parts.append(Capsule(wrist, w[f"hand_{s}"], 0.036, 0.044, look.skin, grain=0.03))
    return parts


def _head(w: dict[str, Vector], look: Look, axes: Vector, lean: float) -> list[Solid]:
    forward, left, up = axes
    up = math.cos(lean) * up + math.sin(lean) * forward
    front = math.cos(lean) * forward - math.sin(lean) * np.array((0.0, 0.0, 1.0))
    back = -0.72 * front + 0.69 * up
    centre = w["crown"] - 0.085 * up
    skull = Capsule(
        w["chin"], centre, 0.072, 0.092, look.skin, patch=(back, 0.3, look.hair), grain=0.08
    )
    parts: list[Solid] = [Capsule(w["neck"], w["chin"], 0.055, 0.058, look.skin, grain=0.03), skull]
    tuft = centre - 0.022 * front + 0.012 * up
    parts.append(
        Capsule(
            tuft - 0.035 * up - 0.015 * front,
            tuft,
            0.084,
            0.1,
            look.hair,
            cut=(back, 0.2),
            crumple=0.9,
            grain=0.45,
        )
    )
    dark: Colour = (40, 45, 60)
    for sign in (1.0, -1.0):
        eye = centre - 0.012 * up + 0.083 * front + sign * 0.036 * left
        parts.append(Capsule(eye, eye, 0.013, 0.013, dark, grain=0.0))
        brow = eye + 0.02 * up
        parts.append(Capsule(brow, brow - sign * 0.012 * left, 0.009, 0.009, look.hair, grain=0.0))
        ear = centre - 0.02 * up + sign * 0.094 * left
        parts.append(Capsule(ear, ear - 0.02 * up, 0.022, 0.018, look.skin, grain=0.0))
    nose = centre - 0.035 * up + 0.092 * front
    parts.append(Capsule(nose, nose, 0.018, 0.018, look.skin, grain=0.0))
    if look.head == "helmet":
        parts += _helmet(centre, front, left, up, look.hat)
    elif look.head == "cap":
        parts += _cap(centre, front, left, up, look.hat)
    elif look.head == "hood":
        parts.append(
            Capsule(centre - 0.03 * up, centre, 0.12, 0.12, look.jacket, cut=(back, -0.05))
        )
    return parts


def _helmet(centre: Vector, front: Vector, left: Vector, up: Vector, colour: Colour) -> list[Solid]:
    base = centre + 0.022 * up
    shell = Capsule(
        base - 0.01 * front,
        base + 0.012 * front + 0.02 * up,
        0.132,
        0.118,
        colour,
        gloss=0.55,
        cut=(up, 0.02),
        grain=0.02,
    )
    ridge = Capsule(
        base + 0.122 * up - 0.06 * front,
        base + 0.122 * up + 0.05 * front,
        0.022,
        0.022,
        colour,
        gloss=0.5,
        grain=0.0,
    )
    return [shell, ridge, *_brim(base + 0.004 * up, front, left, 0.148, 0.185, colour)]


def _cap(centre: Vector, front: Vector, left: Vector, up: Vector, colour: Colour) -> list[Solid]:
    base = centre + 0.03 * up - 0.004 * front
    dome = Capsule(base, base, 0.099, 0.099, colour, cut=(up, 0.1), grain=0.3, crumple=0.25)
    angles = np.linspace(-1.25, 1.25, 7)
    rim = [
        base + 0.005 * up + 0.085 * left * math.sin(a) + front * (0.06 + 0.115 * math.cos(a))
        for a in angles
    ]
    return [dome, Face(np.array(rim), colour, grain=0.2)]


def _brim(
    at: Vector, front: Vector, left: Vector, side: float, ahead: float, colour: Colour
) -> list[Solid]:
    angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    rim = [
        at + left * side * math.sin(a) + front * (ahead if math.cos(a) > 0 else side) * math.cos(a)
        for a in angles
    ]
    return [Face(np.array(rim), colour, gloss=0.2, grain=0.0)]
