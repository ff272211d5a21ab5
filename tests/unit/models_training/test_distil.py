"""Distillation: alike costs nothing, what the elder is sure of counts, other classes do not."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from models.labels import LABELS  # noqa: E402
from models.training.distil import Elder, distance  # noqa: E402

HELMET, BIN = LABELS.index("helmet"), LABELS.index("bin")
BINS = 16


def said(sure_of: int | None = None, edge: int = 3, at: int = 0) -> dict[str, torch.Tensor]:
    """Two pictures of five anchors; one anchor of the first holds one sure class, or none."""
    scores = torch.full((2, len(LABELS), 5), -6.0)
    boxes = torch.zeros(2, 4, BINS, 5)
    if sure_of is not None:
        scores[0, sure_of, at] = 3.0
        boxes[0, :, edge, at] = 4.0
    return {"scores": scores, "boxes": boxes.view(2, 4 * BINS, 5)}


ASKED = torch.ones(2, 1, 5)


def cost(mine: dict, elders: dict, rows: list[int] | None = None, asked=ASKED) -> float:
    return float(distance(mine, elders, [HELMET] if rows is None else rows, asked)[0])


def test_alike_costs_nothing() -> None:
    assert cost(said(HELMET), said(HELMET)) == pytest.approx(0.0, abs=1e-4)


def test_a_class_or_an_edge_elsewhere_costs() -> None:
    assert cost(said(), said(HELMET)) > 1
    assert cost(said(HELMET, edge=9), said(HELMET)) > 1


def test_other_classes_are_not_listened_to() -> None:
    assert cost(said(BIN), said(None)) == pytest.approx(0.0, abs=0.05)
    assert cost(said(None), said(BIN)) == pytest.approx(0.0, abs=0.05)
    assert cost(said(None), said(BIN), [HELMET, BIN]) > 1


def test_where_it_is_not_asked_it_does_not_count() -> None:
    asked = ASKED.clone()
    asked[0, 0, 0] = 0
    assert cost(said(), said(HELMET), asked=asked) == pytest.approx(0.0, abs=0.05)
    assert cost(said(), said(HELMET, at=1), asked=asked) > 1


def test_edges_count_only_where_the_elder_is_sure() -> None:
    mine, elders = said(HELMET), said(HELMET)
    mine["boxes"][1] = torch.randn(4 * BINS, 5, generator=torch.Generator().manual_seed(0)) * 3
    unsure = cost(mine, elders)
    elders["scores"][1, HELMET, :] = 3.0
    mine["scores"][1, HELMET, :] = 3.0
    assert unsure < 0.1 < cost(mine, elders)


def test_learning_from_an_elder_comes_closer() -> None:
    mine = {k: v.clone().requires_grad_() for k, v in said().items()}
    optimizer = torch.optim.SGD(list(mine.values()), lr=1.0)
    costs = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = distance(mine, said(HELMET), [HELMET], ASKED)[0]
        loss.backward()
        optimizer.step()
        costs.append(float(loss.detach()))
    assert costs[-1] < 0.1 * costs[0]
    assert float(mine["scores"][0, HELMET, 0].detach()) > 1


def test_the_elder_answers_without_learning() -> None:
    from models.torch_compat import ensure_torchvision

    ensure_torchvision()
    from ultralytics.nn.tasks import DetectionModel

    network = DetectionModel("yolo11n.yaml", nc=len(LABELS), verbose=False)
    network.names = dict(enumerate(LABELS))
    elder = Elder(network, ["helmet"])
    before = {k: v.clone() for k, v in network.state_dict().items()}
    image = torch.rand(2, 3, 64, 64)
    answer = elder.answer(image)
    drawn = torch.tensor([0, 1], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 1, 8, 8)
    mine = {name: value.clone() for name, value in answer.items()}
    mine["scores"][1] += 5
    assert float(elder.cost(mine, answer, drawn)[0]) < 1e-3
    assert float(elder.cost(mine, answer, 1 - drawn)[0]) > 1
    assert answer["scores"].shape == (2, len(LABELS), 84)
    assert answer["boxes"].shape == (2, 64, 84)
    assert not answer["scores"].requires_grad
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
