"""The command line: help, schema, and errors that are one clear message."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from skygrid.cli import app
from skygrid.failures import is_expected


def test_help_names_every_command() -> None:
    shown = CliRunner().invoke(app, ["--help"]).output
    for name in ("run", "check", "serve", "listen", "demo", "samples", "bench", "version"):
        assert name in shown


def test_schema_describes_every_rule() -> None:
    answer = CliRunner().invoke(app, ["schema"])
    schema = json.loads(answer.output)
    assert schema["properties"]["cameras"]["minItems"] == 1
    for rule in ("StreetVending", "Garbage", "OverflowingBin", "MissingHelmet", "Crowding"):
        settings = schema["$defs"][f"{rule}Settings"]
        assert all("description" in p or "const" in p for p in settings["properties"].values())


def test_an_expected_error_is_one_message_and_exit_code_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "skygrid", "run", str(tmp_path / "none.yaml")],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 2
    assert "none.yaml: cannot be read: No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_brackets_in_an_error_are_shown_as_they_are(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("site: a\ncameras:\n  - {id: x, url: a.mp4, transport: '[red]'}\n")
    done = subprocess.run(
        [sys.executable, "-m", "skygrid", "run", str(site)],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert "'tcp' or 'udp'" in done.stderr
    assert "site.yaml:3:" in done.stderr


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("y"), RuntimeError("z")])
def test_bugs_are_not_expected(error: Exception) -> None:
    assert not is_expected(error)


def test_the_published_schema_is_the_one_in_force(tmp_path: Path) -> None:
    fresh = tmp_path / "schema.json"
    CliRunner().invoke(app, ["schema", "--output", str(fresh)])
    published = Path(__file__).parents[3] / "docs" / "site.schema.json"
    assert json.loads(fresh.read_text()) == json.loads(published.read_text()), (
        "run: skygrid schema --output docs/site.schema.json"
    )
