"""What a training run is refused before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from models.errors import TrainingRefused  # noqa: E402
from models.labels import LABELS  # noqa: E402
from models.training.lineage import Lineage, check_sizes  # noqa: E402


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> Path:
    """A folder with networks of the patrol's labels (one of them research) and of COCO's."""
    from models.torch_compat import ensure_torchvision
    from models.training.detector_run import save_weights

    ensure_torchvision()
    from types import SimpleNamespace

    from ultralytics.nn.tasks import DetectionModel

    folder = tmp_path_factory.mktemp("checkpoints")
    for name, labels in (("own", LABELS), ("own-research", LABELS), ("coco", LABELS[:3])):
        network = DetectionModel("yolo11n.yaml", nc=len(labels), verbose=False)
        network.names = dict(enumerate(labels))
        network.args = SimpleNamespace()
        save_weights(network, folder / f"{name}.pt")
    save_weights(network, folder / "average.pt", research=True)
    other = DetectionModel("yolo11s.yaml", nc=len(LABELS), verbose=False)
    other.names, other.args = dict(enumerate(LABELS)), SimpleNamespace()
    save_weights(other, folder / "larger.pt")
    return folder


def test_ends_of_other_runs_are_named_and_make_no_other_run(
    checkpoints: Path, tmp_path: Path
) -> None:
    from models.training.detector_run import save_weights
    from models.training.network import starting_network

    own, end = checkpoints / "own.pt", tmp_path / "end.pt"
    save_weights(starting_network(own), end)
    lineage = Lineage(own, others=(end,))
    lineage.check(research=False)
    assert lineage.recipe(research=False)["soup_with"][0].startswith("end.pt sha256:")
    assert lineage.identity() == Lineage(own).identity()
    with pytest.raises(TrainingRefused, match="must differ from each other"):
        Lineage(own, others=(end, end)).check(research=False)


def test_a_start_and_its_elder_are_accepted_and_named_by_their_hashes(checkpoints: Path) -> None:
    own, research = checkpoints / "own.pt", checkpoints / "own-research.pt"
    lineage = Lineage(own, elder=research, elder_classes=("helmet",), kept=0.25)
    lineage.check(research=False)
    recipe = lineage.recipe(research=False)
    assert recipe["start"].startswith("own.pt sha256:")
    assert "none of its weights" in recipe["elder_learned_from"]
    assert "elder_learned_from" not in lineage.recipe(research=True)
    other = Lineage(research, elder=research, elder_classes=("helmet",))
    assert lineage.identity()["start"] != other.identity()["start"]
    assert lineage.identity()["elder"] == other.identity()["elder"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"start": "missing"}, "must be a file"),
        ({"start": "own-research"}, "ends in -research"),
        ({"start": "average"}, "ends in -research"),
        ({"start": "own", "elder": "own"}, "must be given together"),
        ({"start": "own", "elder_classes": ("helmet",)}, "must be given together"),
        ({"start": "own", "elder": "own", "elder_classes": ("bicycle",)}, "got bicycle"),
        ({"start": "own", "elder": "coco", "elder_classes": ("helmet",)}, "an elder must have"),
        ({"start": "coco", "kept": 0.5}, "whose weights are kept must have"),
        ({"start": "own", "others": "missing"}, "must be a file"),
        ({"start": "own", "others": "own-research"}, "ends in -research"),
        ({"start": "own", "others": "coco"}, "another run's end must have"),
        ({"start": "own", "others": "own"}, "must differ from each other and the start"),
        ({"start": "own", "others": "larger"}, "must have the start's form"),
    ],
)
def test_what_cannot_end_well_is_refused(checkpoints: Path, given: dict, message: str) -> None:
    files = {k: checkpoints / f"{v}.pt" for k, v in given.items() if k in ("start", "elder")}
    if "others" in given:
        files["others"] = (checkpoints / f"{given['others']}.pt",)
    with pytest.raises(TrainingRefused, match=message):
        Lineage(**{**given, **files}).check(research=False)


@pytest.mark.parametrize("content", [b"", b"no network"])
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    broken = tmp_path / "broken.pt"
    broken.write_bytes(content)
    with pytest.raises(TrainingRefused, match=r"broken\.pt is no checkpoint"):
        Lineage(broken).check(research=False)


def test_a_research_weight_may_start_from_one(checkpoints: Path) -> None:
    Lineage(checkpoints / "own-research.pt").check(research=True)


@pytest.mark.parametrize("sizes", [(400, 416), (416, 600), (0, 416)])
def test_sizes_that_the_network_cannot_halve_five_times_are_refused(sizes: tuple) -> None:
    with pytest.raises(TrainingRefused, match="multiple of 32"):
        check_sizes(sizes)


def test_usual_sizes_pass() -> None:
    check_sizes((416, 640))
