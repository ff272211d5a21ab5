"""Zones drawn in the page are held against what the detector can see, before they are saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from api.routes.zones import problems_of
from pipeline.site.settings import Site
from skygrid.serve import api_settings

HELMET = {"id": "gate", "rules": [{"type": "missing_helmet"}]}


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        pytest.param(("person", "car"), ["gate needs the class helmet, bare_head,"], id="blind"),
        pytest.param(("person", "helmet", "bare_head"), [], id="sees it"),
        pytest.param((), [], id="not known here"),
    ],
)
def test_a_rule_that_the_detector_cannot_see_is_a_problem(
    labels: tuple[str, ...], words: list[str]
) -> None:
    problems = problems_of((HELMET,), labels)
    assert [p["where"] for p in problems] == ["gate"] * len(words)
    assert all(w in p["message"] for w, p in zip(words, problems, strict=True))


def site(weights: str) -> Site:
    content: dict[str, Any] = {
        "site": "a",
        "data_dir": "/data",
        "detector": {"weights": weights},
        "cameras": [{"id": "x", "url": "a.mp4"}],
    }
    return Site.model_validate(content)


def test_the_page_knows_the_classes_of_the_shipped_weight(tmp_path: Path) -> None:
    assert {"person", "bare_head"} <= set(api_settings(site("patrol11n")).detector_labels)
    assert api_settings(site(str(tmp_path / "none"))).detector_labels == ()
