"""Density training: targets hold every person once, crops keep people, the loss is unbiased."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from models.card import WEIGHTS_HOME, read_card
from models.load import load_density
from models.settings import CrowdSettings
from models.training.density.command import held_out, train_density
from models.training.density.crops import CropPlan, cut, target_map
from models.training.density.loss import density_loss
from models.training.manifest import Picture


def test_a_target_holds_each_person_inside_once() -> None:
    points = np.array([[0.5, 0.5], [79.9, 31.9], [40, 16], [-3, 10], [30, 40]], np.float32)
    target = target_map(points, 4, 10)
    assert target.shape == (4, 10)
    assert target.sum() == pytest.approx(3)  # two lie outside, none is lost at the border
    assert target[0, 0] > 0.5
    assert target[3, 9] > 0.5


def test_a_crowd_of_nobody_has_an_empty_target() -> None:
    assert not target_map(np.zeros((0, 2), np.float32), 4, 4).any()


@pytest.mark.parametrize("seed", range(6))
def test_points_stay_on_their_heads_when_cut(seed: int) -> None:
    image = np.full((300, 400, 3), 60, np.uint8)
    at = np.array([[200.0, 150.0]], np.float32)
    image[144:156, 194:206] = 255
    plan = CropPlan(size_px=320, scale=(0.9, 1.3), effects=0)
    crop, points = cut(image, at, plan, np.random.default_rng(seed))
    y, x = np.nonzero(crop[..., 0] > 200)
    assert crop.shape == (320, 320, 3)
    assert points[0] == pytest.approx((x.mean() + 0.5, y.mean() + 0.5), abs=0.6)


def test_the_loss_is_least_at_the_truth_and_for_evenly_spread_people_at_their_mean() -> None:
    target = torch.rand(2, 1, 8, 8)
    exact = density_loss(target, target)
    assert float(exact["deviance"]) == pytest.approx(0, abs=1e-5)
    assert float(exact["count"]) == 0
    levels = torch.linspace(0.5, 1.5, 101)
    mean = float(target.mean())
    losses = [
        float(density_loss(torch.full_like(target, mean * x), target)["deviance"]) for x in levels
    ]
    assert float(levels[int(np.argmin(losses))]) == pytest.approx(1, abs=0.011)


def counted(dataset: str, number: int, split: str = "train") -> Picture:
    nothing = np.zeros((0, 4), np.float32)
    points = np.zeros((1, 2), np.float32)
    return Picture(
        Path(f"{dataset}{number}.webp"),
        "crowd",
        split,
        "research",
        dataset,
        frozenset(),
        nothing,
        np.zeros(0, np.int32),
        points,
    )


def test_some_of_every_source_are_kept_back_and_validation_is_not_touched() -> None:
    pictures = [counted("a", i) for i in range(9)] + [counted("b", i) for i in range(3)]
    learned, kept = held_out([*pictures, counted("a", 99, "val")])
    assert sorted(p.path.stem for p in kept) == ["a0", "a8", "b0"]
    assert len(learned) == 9


def test_a_weight_from_research_pictures_must_say_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="-research"):
        train_density(start=tmp_path, directory=tmp_path, name="crowd", data=tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # openvino and nncf trace by means that torch deprecates
def test_a_few_steps_from_the_shipped_detector_make_a_weight_and_a_run_goes_on(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    write_crowds(data / "crowd")
    start = WEIGHTS_HOME / "patrol11n" / "patrol11n.pt"
    said: list[str] = []
    for steps in (2, 4):
        made = train_density(
            start=start,
            directory=tmp_path / "run",
            data=data,
            steps=steps,
            batch_size=2,
            say=said.append,
        )
    card = read_card(made)
    assert card.recipe["crops_seen"] == 8
    assert card.metrics["validation"]["all"]["n"] == 2
    density = load_density(CrowdSettings(density_weights=str(made)))
    assert density.people_per_cell(np.zeros((270, 480, 3), np.uint8)).min() >= 0


def write_crowds(folder: Path) -> None:
    """Twelve drawn pictures of white heads on grey, two of them for validation."""
    (folder / "images").mkdir(parents=True)
    random = np.random.default_rng(0)
    rows = []
    for number in range(12):
        image = np.full((240, 320, 3), 90, np.uint8)
        points = random.uniform(10, 230, (20, 2))
        for x, y in points:
            cv2.circle(image, (int(x), int(y)), 4, (250, 250, 250), -1)
        cv2.imwrite(str(folder / "images" / f"{number}.png"), image)
        row = {
            "file": f"images/{number}.png",
            "split": "val" if number > 9 else "train",
            "points": points.round(1).tolist(),
            "points_size": [320, 240],
            "dataset": "drawn",
            "licence": "research",
        }
        rows.append(json.dumps(row))
    (folder / "manifest.jsonl").write_text("\n".join(rows), "utf-8")
