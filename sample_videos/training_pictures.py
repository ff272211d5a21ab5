"""Renders labelled pictures of drawn scenes that a training set may add (file output).

Drawn people are not photographs: such pictures help with what real sets lack (stalls, parasols,
tricycles, overflowing bins from a camera's height) and must stay a small share of a training set.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.labels import LABELS
from sample_videos.scenario import Scenario
from sample_videos.stage import SeenBox, Stage
from sample_videos.timeline import Timeline

_LEAST_VISIBLE = 0.3
_LEAST_SIDE_PX = 6
_VALIDATION_EVERY = 10
_KINDS = ("street", "square", "site")
_HEADS = ("bare", "bare", "cap", "hood")
_HEADS_AT_SITES = (*("helmet",) * 5, *("bare",) * 3, *("cap",) * 6, "hood")
"""At sites more heads are bare than under a helmet: one who takes it off looks like the others but
for the head. Most wear a cap, which has a helmet's colours and, from above, nearly its shape: with
half as many it was taken for one, surely."""
_LIGHTS = ("day", "day", "overcast", "dusk", "night")

Progress = Callable[[int, int], None]


def render_training_pictures(
    folder: Path, count: int, seed: int = 1, progress: Progress | None = None
) -> int:
    """Write `images/*.jpg`, `labels/*.txt` (YOLO) and `manifest.jsonl`; returns the boxes drawn.

    All classes are labelled in every picture. Every tenth picture is for validation; scenes are
    never shared between splits. A picture is the same for the same seed and number.
    """
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    total = 0
    with (folder / "manifest.jsonl").open("w", encoding="utf-8") as manifest:
        for number in range(count):
            scenario = random_scene(seed, number)
            image, boxes = Stage(Timeline(scenario), scenario.cameras[0]).frame(0)
            rows = [r for r in (yolo_row(b, scenario.cameras[0].size) for b in boxes) if r]
            stem = f"drawn_{seed:03d}_{number:05d}"
            cv2.imwrite(
                str(folder / "images" / f"{stem}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 88]
            )
            (folder / "labels" / f"{stem}.txt").write_text("".join(f"{r}\n" for r in rows))
            manifest.write(json.dumps(_about(stem, number, seed, scenario)) + "\n")
            total += len(rows)
            if progress is not None:
                progress(number + 1, count)
    return total


def _about(stem: str, number: int, seed: int, scenario: Scenario) -> dict[str, Any]:
    width, height = scenario.cameras[0].size
    return {
        "file": f"images/{stem}.jpg", "split": "train" if number % _VALIDATION_EVERY else "val",
        "width": width, "height": height, "dataset": "drawn scenes", "source_repo": "skygrid",
        "licence": "AGPL-3.0-or-later (drawn by sample_videos)", "labelled_classes": list(LABELS),
        "group": f"drawn-{seed}-{number}", "annotation": "exact",
    }  # fmt: skip


def yolo_row(box: SeenBox, size: tuple[int, int]) -> str | None:
    """`class cx cy w h` in 0..1, None for what is hidden, tiny or no class of ours."""
    if box.label not in LABELS or box.visible < _LEAST_VISIBLE:
        return None
    left, top = max(box.xyxy[0], 0.0), max(box.xyxy[1], 0.0)
    right, bottom = min(box.xyxy[2], size[0]), min(box.xyxy[3], size[1])
    if min(right - left, bottom - top) < _LEAST_SIDE_PX:
        return None
    cx, cy = (left + right) / 2 / size[0], (top + bottom) / 2 / size[1]
    w, h = (right - left) / size[0], (bottom - top) / size[1]
    return f"{LABELS.index(box.label)} {cx:.6f} {cy:.6f} {w:.6f} {h:.6f}"


def random_scene(seed: int, number: int) -> Scenario:
    """One still scene with people, stalls, tricycles, bins, garbage and cars at random."""
    rng = np.random.default_rng([seed, 77, number])
    kind = _KINDS[int(rng.choice(3, p=(0.4, 0.15, 0.45)))]
    actors: list[dict[str, Any]] = []

    def place(what: str, most: int, y: tuple[float, float], **more: Any) -> None:
        for _ in range(int(rng.integers(0, most + 1))):
            spot = [float(rng.uniform(-6, 6)), float(rng.uniform(*y))]
            turn = float(rng.uniform(0, 360))
            actors.append(
                {"id": f"{what}-{len(actors)}", "kind": what, "at_m": spot, "heading_deg": turn,
                 **more}
            )  # fmt: skip

    eye = [float(rng.uniform(-5, 5)), float(rng.uniform(-10, -4)), float(rng.uniform(2.6, 7.0))]
    heads = _HEADS_AT_SITES if kind == "site" else _HEADS
    for _ in range(int(rng.integers(1, 13 if kind == "site" else 9))):
        head = heads[int(rng.integers(len(heads)))]
        vest = [[240, 230, 40], [250, 120, 30]][int(rng.integers(2))]
        clothes = {
            "head": head,
            **({"vest": vest} if rng.random() < 0.5 and kind == "site" else {}),
        }
        place("person", 1, (0.5, 6.0), clothes=clothes)
    if kind != "site":
        place("stall", 1, (1.5, 5.0))
        place("tricycle", 1, (1.5, 5.0))
        place("parasol", 1, (1.5, 5.0))
        place("blanket", 1, (1.5, 5.0))
        place("heap", 1, (1.0, 5.5), bags=int(rng.integers(2, 10)))
        for heap in [a for a in actors if a["kind"] == "heap"]:
            place("planter", 1, (0.0, 1.0))
            if actors[-1]["kind"] == "planter":
                actors[-1]["at_m"] = _before(heap["at_m"], eye, rng)
        place("bag", 2, (1.0, 5.5), size_m=float(rng.uniform(0.4, 0.7)))
        place("bin", 2, (3.5, 6.0), level=float(rng.choice([0.4, 1.5, 1.9])))
        place("car", 1, (-2.2, 5.0))
        place("van", 1, (-2.2, -1.4))
        place("tree", 1, (0.4, 0.8))
    else:
        place("scaffold", 1, (6.0, 6.5), size_m=8.0)
    aim = [float(rng.uniform(-1.5, 1.5)), float(rng.uniform(2, 4)), 0.6]
    angle = float(rng.uniform(42, 70))
    camera = {"id": "c", "position_m": eye, "look_at_m": aim, "hfov_deg": angle, "size": [960, 540]}
    rain = float(rng.uniform(0.3, 0.8)) if rng.random() < 0.15 else 0.0
    light = _LIGHTS[int(rng.integers(len(_LIGHTS)))]
    return Scenario.model_validate({
        "name": f"drawn-{seed}-{number}", "about": "A random scene.", "duration_s": 1, "fps": 1,
        "seed": seed * 100_003 + number, "backdrop": {"kind": kind}, "cameras": [camera],
        "conditions": {"light": light, "rain": rain, "noise": float(rng.uniform(0.5, 4))},
        "actors": actors,
    })  # fmt: skip


def _before(spot: list[float], eye: list[float], rng: np.random.Generator) -> list[float]:
    """A place between a thing and the camera, a little aside: what stands there hides a part."""
    away = np.array(eye[:2]) - spot
    towards = away / np.linalg.norm(away)
    aside = np.array((-towards[1], towards[0])) * rng.uniform(-0.45, 0.45)
    return [float(v) for v in np.array(spot) + towards * rng.uniform(0.7, 1.0) + aside]
