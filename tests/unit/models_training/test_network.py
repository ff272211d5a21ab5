"""The patrol's network: its activation is cheap, nearly the old one, and outlives Ultralytics."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")


from models.labels import LABELS  # noqa: E402
from models.torch_compat import ensure_torchvision  # noqa: E402


@pytest.fixture(scope="module")
def network():
    ensure_torchvision()
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    model = DetectionModel("yolo11n.yaml", nc=len(LABELS), verbose=False)
    model.args = SimpleNamespace()
    return model.eval()


def kinds(network) -> set[str]:
    return {type(module).__name__ for module in network.modules()}


def test_every_silu_becomes_a_hard_swish_and_weights_stay(network) -> None:
    from models.training.network import with_hard_swish

    changed = with_hard_swish(copy.deepcopy(network))
    assert "SiLU" in kinds(network)
    assert "SiLU" not in kinds(changed)
    assert "Hardswish" in kinds(changed)
    before, after = network.state_dict(), changed.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_networks_features_stay_nearly_what_they_were(network) -> None:
    from models.training.network import with_hard_swish

    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    changed = with_hard_swish(copy.deepcopy(network))
    with torch.no_grad():
        before, after = network.model[0](image), changed.model[0](image)
    assert 0 < float((before - after).abs().max()) < 0.15


def test_ultralytics_builds_the_same_activation_from_the_file(network, tmp_path: Path) -> None:
    from ultralytics.nn.modules.conv import Conv
    from ultralytics.nn.tasks import DetectionModel

    from models.training.detector_run import save_weights
    from models.training.network import load_network, with_hard_swish

    save_weights(with_hard_swish(copy.deepcopy(network)), tmp_path / "a.pt")
    loaded = load_network(tmp_path / "a.pt")
    assert "SiLU" not in kinds(loaded)
    default = Conv.default_act
    try:
        rebuilt = DetectionModel(loaded.yaml, verbose=False)
    finally:
        Conv.default_act = default
    assert "SiLU" not in kinds(rebuilt)


@pytest.mark.filterwarnings("ignore")  # openvino traces by means that torch deprecates
def test_the_exported_graph_has_no_exponential_but_the_heads(network) -> None:
    from models.export import openvino_model
    from models.openvino_head import cut_head
    from models.training.network import with_hard_swish

    graph = cut_head(openvino_model(with_hard_swish(copy.deepcopy(network)), 64, 64))
    operations = {op.get_type_name() for op in graph.get_ops()}
    assert "HSwish" in operations
    assert not operations & {"Swish", "Sigmoid", "Exp"}


def test_a_network_between_two_lies_on_the_line(network) -> None:
    from models.training.network import between

    other = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1.0)
    old, new = network.state_dict(), copy.deepcopy(other.state_dict())
    mixed = between(network, other, 0.25).state_dict()
    for name, value in mixed.items():
        apart = (old[name] - new[name]) if value.is_floating_point() else 0
        expected = new[name] + apart * 0.25
        torch.testing.assert_close(value, expected.to(value.dtype))
    assert all(torch.equal(v, old[k]) for k, v in network.state_dict().items())


def test_networks_of_another_form_are_refused(network) -> None:
    from models.training.network import between

    with pytest.raises(ValueError, match="same form"):
        between(network, torch.nn.Conv2d(3, 3, 1), 0.5)
