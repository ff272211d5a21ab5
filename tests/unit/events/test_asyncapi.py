"""The published AsyncAPI file: the same as the models, and a sound document of its kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from pipeline.events import asyncapi

FILE = Path(__file__).parents[3] / "docs" / "asyncapi.yaml"


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    return YAML(typ="safe").load(FILE.read_text())


def resolve(document: dict[str, Any], reference: str) -> Any:
    assert reference.startswith("#/"), reference
    value: Any = document
    for part in reference[2:].split("/"):
        value = value[part]
    return value


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_file_is_what_the_models_say(published: dict[str, Any]) -> None:
    again = "python -m pipeline.events.asyncapi > docs/asyncapi.yaml"
    assert published == asyncapi.document(), f"renew it: {again}"


def test_required_parts_are_there(published: dict[str, Any]) -> None:
    assert published["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= published["info"].keys()
    for server in published["servers"].values():
        assert {"host", "protocol"} <= server.keys()
    assert {c["address"] for c in published["channels"].values()} == {
        "skygrid:incidents",
        "skygrid:incidents:dead",
    }


def test_every_reference_leads_somewhere(published: dict[str, Any]) -> None:
    found = list(references(published))
    assert len(found) > 10
    for reference in found:
        assert resolve(published, reference) is not None


def test_operations_speak_of_their_channels_messages(published: dict[str, Any]) -> None:
    for operation in published["operations"].values():
        assert operation["action"] in ("send", "receive")
        channel = operation["channel"]["$ref"]
        for message in operation["messages"]:
            assert message["$ref"].startswith(f"{channel}/messages/")
            assert "payload" in resolve(published, resolve(published, message["$ref"])["$ref"])


def test_schemas_are_json_schemas(published: dict[str, Any]) -> None:
    for schema in published["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
