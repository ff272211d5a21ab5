"""Weights on disk: only files that are what their card says are ever loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders.colour_graph import write_colour_weight
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.card import WEIGHTS_HOME, Card, find_weight, read_card, read_verified
from models.errors import (
    BackendUnavailable,
    CardError,
    ModelError,
    UnsupportedSetting,
    WeightAltered,
    WeightError,
    WeightMissing,
)
from models.load import load_crowd_counter, load_density, load_detector
from models.settings import CrowdSettings, DetectorSettings

SIZE = (64, 96)


@pytest.fixture
def weight(tmp_path: Path) -> Path:
    write_colour_weight(tmp_path / "colours", SIZE)
    return tmp_path / "colours"


def load(directory: Path, **fields: Any) -> Any:
    return load_detector(
        DetectorSettings(**{"weights": str(directory), "input_size": SIZE, "threads": 1} | fields)
    )


def edit_card(directory: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = directory / "card.json"
    card = json.loads(path.read_text())
    change(card)
    path.write_text(json.dumps(card))


def test_a_whole_weight_loads(weight: Path) -> None:
    detector = load(weight)
    assert detector.labels == ("red", "green", "blue")
    assert detector.model_id.startswith("colours@")


def test_one_changed_byte_is_refused(weight: Path) -> None:
    path = next(weight.glob("*.bin"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightAltered, match=r"\.bin must have SHA-256 .* restore the weight"):
        load(weight)


def test_a_truncated_file_is_refused(weight: Path) -> None:
    path = next(weight.glob("*.xml"))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(WeightAltered, match=r"must have .* bytes, got .*truncated"):
        load(weight)


def test_a_missing_file_is_refused(weight: Path) -> None:
    next(weight.glob("*.bin")).unlink()
    with pytest.raises(WeightMissing, match=r"\.bin of weight colours cannot be read"):
        load(weight)


def test_a_file_that_the_card_does_not_name_is_refused(weight: Path) -> None:
    edit_card(
        weight, lambda card: [card["files"].pop(n) for n in list(card["files"]) if ".bin" in n]
    )
    with pytest.raises(WeightMissing, match="unknown there"):
        load(weight)


def test_an_unknown_name_lists_what_is_shipped() -> None:
    with pytest.raises(WeightMissing, match=r"must be a shipped name .* got 'nothing'"):
        find_weight("nothing")


def test_a_directory_without_a_card_is_no_weight(tmp_path: Path) -> None:
    with pytest.raises(WeightMissing):
        find_weight(str(tmp_path))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(lambda card: card.pop("labels"), "labels", id="no labels"),
        pytest.param(lambda card: card.update(labels=["red", "red"]), "must differ", id="twice"),
        pytest.param(lambda card: card.update(files={}), "files", id="no files"),
        pytest.param(
            lambda card: card["files"].update({"../x.bin": {"sha256": "0" * 64, "bytes": 1}}),
            "beside the card",
            id="outside",
        ),
        pytest.param(
            lambda card: card.update(thresholds={"yellow": 0.3}), "yellow", id="unknown label"
        ),
        pytest.param(lambda card: card.update(thresholds={"red": 30}), "red", id="percent"),
        pytest.param(lambda card: card.update(name="a/b"), "name", id="name is a path"),
    ],
)
def test_an_impossible_card_is_refused(
    weight: Path, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    edit_card(weight, change)
    with pytest.raises(CardError, match=says) as error:
        read_card(weight)
    assert "card.json" in str(error.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"name": 1}'], ids=repr)
def test_a_card_that_is_no_card_is_refused(weight: Path, content: bytes) -> None:
    (weight / "card.json").write_bytes(content)
    with pytest.raises(CardError):
        read_card(weight)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None
)
@given(at=st.integers(0, 10_000), value=st.binary(min_size=1, max_size=4))
def test_a_scratched_card_never_does_worse_than_a_clear_refusal(
    weight: Path, at: int, value: bytes
) -> None:
    path = weight / "card.json"
    whole = path.read_bytes()
    position = at % len(whole)
    try:
        path.write_bytes(whole[:position] + value + whole[position + len(value) :])
        card = read_card(weight)
        for name in card.files:
            read_verified(weight, card, name)
    except WeightError:
        pass
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        pytest.param({"input_size": (640, 640)}, "64x96", id="size the file is not for"),
        pytest.param({"input_size": (60, 96)}, "multiples of 32", id="size no network takes"),
        pytest.param({"precision": "int8"}, "precision int8", id="precision"),
        pytest.param({"backend": "ultralytics"}, r"\.pt file", id="backend"),
    ],
)
def test_settings_that_the_weight_cannot_serve_are_refused(
    weight: Path, fields: dict[str, Any], says: str
) -> None:
    with pytest.raises(UnsupportedSetting, match=says):
        load(weight, **fields)


def test_a_device_that_is_not_there_is_refused(weight: Path) -> None:
    with pytest.raises(BackendUnavailable, match="NOTHING"):
        load(weight, device="NOTHING")


def test_labels_that_do_not_fit_the_network_are_refused(weight: Path) -> None:
    import numpy as np

    edit_card(weight, lambda card: card.update(labels=["red", "green"], thresholds={}))
    with pytest.raises(UnsupportedSetting, match=r"must have 2 classes .* got 3"):
        load(weight).detect([np.zeros((10, 10, 3), np.uint8)])


def test_a_file_that_is_no_graph_is_refused(weight: Path) -> None:
    from models.card import describe_file, write_card

    card = read_card(weight)
    xml = next(weight.glob("*.xml"))
    xml.write_bytes(b"<net/>")
    files = {**card.files, xml.name: describe_file(xml)}
    write_card(weight, card.model_copy(update={"files": files}))
    with pytest.raises(ModelError):
        load(weight)


def test_crowds_need_persons(weight: Path) -> None:
    with pytest.raises(UnsupportedSetting, match="class person"):
        load_crowd_counter(DetectorSettings(weights=str(weight)), CrowdSettings())


def test_a_detector_is_no_density_network(weight: Path) -> None:
    with pytest.raises(UnsupportedSetting, match="kind density"):
        load_density(CrowdSettings(density_weights=str(weight)))


@pytest.mark.parametrize(
    "card", sorted(WEIGHTS_HOME.glob("*/card.json")), ids=lambda p: p.parent.name
)
def test_every_shipped_weight_is_what_its_card_says(card: Path) -> None:
    read = read_card(card.parent)
    assert isinstance(read, Card)
    for name in read.files:
        read_verified(card.parent, read, name)
    assert card.parent.name == read.name
    assert read.research == read.name.endswith("-research")
