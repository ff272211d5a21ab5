"""The fastest file that fits is chosen, and nothing that does not."""

from __future__ import annotations

import pytest

from models.card import Card, CardFile, model_id
from models.errors import UnsupportedSetting
from models.settings import DetectorSettings
from models.weight_files import choose_file


def card(*names: str, **sizes: tuple[int, int]) -> Card:
    files = {
        name: CardFile(sha256=f"{i:02x}" * 32, bytes=1) for i, name in enumerate(names, start=1)
    }
    return Card(
        name="w", labels=("person",), input_sizes=((384, 640),), files=files, licence="AGPL"
    )


ALL = card(
    "w-int8-384x640.xml",
    "w-int8-384x640.bin",
    "w-int8-640x640.xml",
    "w-int8-640x640.bin",
    "w-fp16.xml",
    "w-fp16.bin",
    "w.pt",
)


def test_fastest_of_the_right_size() -> None:
    file = choose_file(ALL, ".xml", DetectorSettings(input_size=(640, 640)))
    assert file.name == "w-int8-640x640.xml"
    assert file.parts == ("w-int8-640x640.xml", "w-int8-640x640.bin")


def test_a_file_for_any_size_where_none_is_fixed_to_it() -> None:
    file = choose_file(ALL, ".xml", DetectorSettings(input_size=(512, 512)))
    assert file.name == "w-fp16.xml"


def test_precision_asked_for() -> None:
    file = choose_file(ALL, ".xml", DetectorSettings(precision="fp16"))
    assert file.name == "w-fp16.xml"


@pytest.mark.parametrize(
    ("suffix", "settings"),
    [
        pytest.param(".onnx", DetectorSettings(), id="no such kind"),
        pytest.param(".xml", DetectorSettings(precision="fp32"), id="no such precision"),
        pytest.param(
            ".xml", DetectorSettings(precision="int8", input_size=(512, 512)), id="no such size"
        ),
    ],
)
def test_says_what_there_is_when_nothing_fits(suffix: str, settings: DetectorSettings) -> None:
    with pytest.raises(UnsupportedSetting, match="weight w must have a") as error:
        choose_file(ALL, suffix, settings)
    assert ("w-fp16.xml" in str(error.value)) == (suffix == ".xml")


def test_the_card_can_say_it_without_a_telling_name() -> None:
    file = CardFile(sha256="0" * 64, bytes=1, precision="int8", input_size=(640, 640))
    made = card("w.pt").model_copy(update={"files": {"best.xml": file}})
    assert choose_file(made, ".xml", DetectorSettings(input_size=(640, 640))).precision == "int8"
    with pytest.raises(UnsupportedSetting):
        choose_file(made, ".xml", DetectorSettings())


def test_model_id_is_short_and_names_the_files() -> None:
    assert model_id(ALL, ["w.pt"]) == "w@070707"
    both = model_id(ALL, ["w-fp16.xml", "w-fp16.bin"])
    assert both == model_id(ALL, ["w-fp16.bin", "w-fp16.xml"])
    assert both != model_id(ALL, ["w-fp16.bin"])
