"""The masked loss: what is unknown teaches nothing, what is labelled always does."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore")

NC = 12


@pytest.fixture(scope="module")
def network():
    from models.torch_compat import ensure_torchvision

    ensure_torchvision()
    from types import SimpleNamespace

    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    model = DetectionModel("yolo11n.yaml", nc=NC, verbose=False)
    model.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
    return model


def batch(known: float, size: int = 64) -> dict:
    return {
        "img": torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1)),
        "batch_idx": torch.tensor([0.0]),
        "cls": torch.tensor([1.0]),
        "bboxes": torch.tensor([[0.5, 0.5, 0.5, 0.5]]),
        "known": torch.full((2, NC, size // 8, size // 8), known),
    }


def class_loss(network, given: dict) -> tuple[float, torch.Tensor]:
    from models.training.loss import MaskedDetectionLoss

    network.train()
    predictions = network(given["img"])
    predictions["scores"].retain_grad()
    loss, parts = MaskedDetectionLoss(network)(predictions, given)
    loss.sum().backward()
    return float(parts["cls_loss"]), predictions["scores"].grad


def test_everything_known_is_the_plain_loss(network) -> None:
    from ultralytics.utils.loss import v8DetectionLoss

    given = batch(1.0)
    network.train()
    plain = v8DetectionLoss(network)(network(given["img"]), given)[1]["cls_loss"]
    assert class_loss(network, given)[0] == pytest.approx(float(plain), rel=1e-4)


def test_an_unknown_class_gets_no_gradient(network) -> None:
    given = batch(1.0)
    given["known"][:, 5] = 0
    gradient = class_loss(network, given)[1]
    assert gradient[:, 5].abs().max() == 0
    assert gradient[:, 6].abs().max() > 0


def test_a_labelled_object_counts_even_where_nothing_is_known(network) -> None:
    gradient = class_loss(network, batch(0.0))[1]
    assert gradient[0, 1].abs().max() > 0
    assert gradient[1].abs().max() == 0


def test_known_map_follows_the_anchors_of_every_level() -> None:
    from models.training.loss import known_per_anchor

    known = torch.zeros(1, 2, 8, 8)
    known[0, 1, :, 4:] = 1
    anchors = known_per_anchor(known)
    assert anchors.shape == (1, 64 + 16 + 4, 2)
    assert anchors[0, :, 0].sum() == 0
    assert anchors[0, 64:80, 1].reshape(4, 4).tolist() == [[0, 0, 1, 1]] * 4


def test_coco_rows_start_the_classes_that_coco_knows() -> None:
    from models.torch_compat import ensure_torchvision

    ensure_torchvision()
    from ultralytics.nn.tasks import DetectionModel

    from models.labels import LABELS
    from models.training.network import with_patrol_head

    model = DetectionModel("yolo11n.yaml", nc=80, verbose=False)
    rows = [branch[-1].weight.detach().clone() for branch in model.model[-1].cv3]
    patrol = with_patrol_head(model)
    for old, branch in zip(rows, patrol.model[-1].cv3, strict=True):
        new = branch[-1].weight.detach()
        assert torch.equal(new[LABELS.index("car")], old[2])
        assert torch.allclose(new[LABELS.index("truck_bus")], (old[5] + old[7]) / 2)
    patrol.train()
    assert patrol(torch.rand(1, 3, 64, 64))["scores"].shape[1] == len(LABELS)


def test_suppression_of_the_stand_in_operator() -> None:
    from models.torch_compat import nms

    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 11, 11], [20, 20, 30, 30]])
    assert nms(boxes, torch.tensor([0.5, 0.9, 0.1]), 0.5).tolist() == [1, 2]
