"""A detector's run end to end, small: it learns, goes on, listens to an elder, keeps its start."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from models.errors import TrainingRefused  # noqa: E402
from models.labels import LABELS  # noqa: E402
from models.training.command import (  # noqa: E402
    Cutting,
    Means,
    _averaged,
    fit,
    training_lessons,
)
from models.training.lineage import Lineage  # noqa: E402
from models.training.manifest import read_sets  # noqa: E402

CUTTING = Cutting((64, 64), 2, 3, {"mine": 1.0})


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Path:
    from models.torch_compat import ensure_torchvision
    from models.training.detector_run import save_weights

    ensure_torchvision()
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    network = DetectionModel("yolo11n.yaml", nc=len(LABELS), verbose=False)
    network.names = dict(enumerate(LABELS))
    network.args = SimpleNamespace()
    path = tmp_path_factory.mktemp("start") / "start.pt"
    save_weights(network, path)
    return path


@pytest.fixture(scope="module")
def lessons(tmp_path_factory) -> list:
    folder = tmp_path_factory.mktemp("data") / "mine"
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    rows = []
    for n in range(4):
        image = np.full((96, 96, 3), 60 + 20 * n, np.uint8)
        cv2.rectangle(image, (20, 20), (60, 60), (0, 0, 255), -1)
        cv2.imwrite(str(folder / "images" / f"{n}.png"), image)
        (folder / "labels" / f"{n}.txt").write_text(f"{LABELS.index('garbage')} .42 .42 .42 .42\n")
        row = {"file": f"images/{n}.png", "width": 96, "height": 96, "licence": "CC0"}
        rows.append(json.dumps({**row, "labelled_classes": ["garbage"], "split": "train"}))
    (folder / "manifest.jsonl").write_text("\n".join(rows))
    return training_lessons(read_sets(folder.parent), research=False)


def learned(path: Path) -> torch.Tensor:
    from models.training.network import load_network

    return torch.cat([v.flatten().float() for v in load_network(path).state_dict().values()])


def options(steps: int) -> dict:
    return {"steps": steps, "rate": 1e-3, "frozen_layers": 0, "head_first": 0.0, "threads": 1}


def test_a_run_learns_and_goes_on_where_it_was(lessons, start: Path, tmp_path: Path) -> None:
    lineage = Lineage(start)
    assert fit(lessons, lineage, tmp_path, CUTTING, options(1))["steps_done"] == 1
    once = learned(tmp_path / "average.pt")
    (tmp_path / "average.pt").unlink()
    assert fit(lessons, lineage, tmp_path, CUTTING, options(1))["steps_done"] == 1
    assert torch.equal(once, learned(tmp_path / "average.pt"))
    done = fit(lessons, lineage, tmp_path, CUTTING, options(2))
    assert (done["steps_done"], done["pictures_seen"]) == (2, 4)
    assert not torch.equal(once, learned(tmp_path / "average.pt"))


def test_a_run_that_learned_otherwise_is_not_gone_on_with(
    lessons, start: Path, tmp_path: Path
) -> None:
    fit(lessons, Lineage(start), tmp_path, CUTTING, options(1))
    before = (tmp_path / "last.pt").read_bytes()
    with_elder = Lineage(start, elder=start, elder_classes=("garbage",))
    with pytest.raises(TrainingRefused, match="another elder, elder_classes"):
        fit(lessons, with_elder, tmp_path, CUTTING, options(2))
    corrected = [*lessons[:-1], replace(lessons[-1], boxes=lessons[-1].boxes + 0.01)]
    with pytest.raises(TrainingRefused, match="another lessons:"):
        fit(corrected, Lineage(start), tmp_path, CUTTING, options(2))
    assert (tmp_path / "last.pt").read_bytes() == before


def test_an_elder_changes_what_is_learned(lessons, start: Path, tmp_path: Path) -> None:
    for name in ("alone", "again"):
        fit(lessons, Lineage(start), tmp_path / name, CUTTING, options(2))
    elder = Lineage(start, elder=start, elder_classes=("garbage",))
    fit(lessons, elder, tmp_path / "taught", CUTTING, options(2))
    alone, again, taught = (
        learned(tmp_path / name / "average.pt") for name in ("alone", "again", "taught")
    )
    assert torch.equal(alone, again)
    assert not torch.equal(alone, taught)


def test_what_is_kept_lies_between_start_and_end(lessons, start: Path, tmp_path: Path) -> None:
    lineage = Lineage(start, kept=0.25)
    fit(lessons, lineage, tmp_path, CUTTING, options(2))
    end = learned(tmp_path / "average.pt")
    mixed = learned(_averaged(lineage, tmp_path / "average.pt"))
    began = learned(start)
    way = began - end
    assert float(way.norm()) > 0
    assert float((mixed - end) @ way / (way @ way)) == pytest.approx(0.25, abs=0.05)


def test_a_soup_is_the_mean_of_the_ends_of_all_runs(lessons, start: Path, tmp_path: Path) -> None:
    ends = [tmp_path / name / "average.pt" for name in "abc"]
    for number, end in enumerate(ends):
        fit(lessons, Lineage(start), end.parent, replace(CUTTING, seed=number), options(2))
    before = [learned(end) for end in ends]
    mixed = learned(_averaged(Lineage(start, others=tuple(ends[1:])), ends[0]))
    assert not torch.equal(before[0], before[1])
    assert torch.allclose(mixed, torch.stack(before).mean(0), rtol=2e-3, atol=2e-4)
    half = learned(_averaged(Lineage(start, kept=0.5, others=tuple(ends[1:])), ends[0]))
    assert torch.allclose(half, (mixed + learned(start)) / 2, rtol=2e-3, atol=2e-4)
    assert [torch.equal(learned(end), was) for end, was in zip(ends, before, strict=True)] == [
        True
    ] * 3


def test_a_run_in_bfloat16_learns_nearly_the_same(lessons, start: Path, tmp_path: Path) -> None:
    for name, means in (("plain", Means()), ("half", Means(bfloat16=True))):
        fit(lessons, Lineage(start), tmp_path / name, CUTTING, options(2), means)
    plain, half = (learned(tmp_path / name / "average.pt") for name in ("plain", "half"))
    assert not torch.equal(plain, half)
    moved = float((plain - learned(start)).norm())
    assert float((plain - half).norm()) < 0.5 * moved


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # of torch itself
def test_a_compiled_run_learns_the_same(lessons, start: Path, tmp_path: Path) -> None:
    fit(lessons, Lineage(start), tmp_path / "plain", CUTTING, options(2))
    fit(lessons, Lineage(start), tmp_path / "compiled", CUTTING, options(2), Means(compiled=True))
    plain, compiled = (learned(tmp_path / d / "average.pt") for d in ("plain", "compiled"))
    assert float((plain - compiled).abs().max()) < 1e-2
