"""The zone page offers the numbers that can be tuned live, within the settings' own bounds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from api.pages import __file__ as pages_file
from api.routes.pages import TYPES
from api.routes.zones import problems_of
from api.tuning import OFFERED, rule_fields

SCRIPT = (Path(str(pages_file)).parent / "static" / "zones.js").read_text("utf-8")


def refused(rule: dict[str, Any]) -> list[str]:
    return [p["message"] for p in problems_of(({"id": "z", "rules": [rule]},), ())]


def test_every_rule_can_be_tuned() -> None:
    fields = rule_fields()
    assert set(fields) == set(TYPES)
    for type_name, offered in fields.items():
        asked = {"dwell_s", "glance_period_s", "look_fps", "look_s"}
        assert set(offered) == asked | ({"people"} if type_name == "crowding" else set())


def test_the_page_asks_for_each_of_them() -> None:
    for name in OFFERED:
        assert f'"{name}"' in SCRIPT


def test_what_is_empty_shows_the_types_own_default() -> None:
    fields = rule_fields()
    assert fields["missing_helmet"]["look_fps"] == {"min": 0, "max": 60, "default": 8.0}
    assert fields["garbage"]["glance_period_s"] == {"min": 0, "max": 3600, "default": 10.0}
    assert fields["crowding"]["people"] == {"min": 2, "max": 100_000, "default": 20}


@pytest.mark.parametrize("type_name", TYPES)
def test_within_the_bounds_is_taken_and_beyond_them_told(type_name: str) -> None:
    for name, bounds in rule_fields()[type_name].items():
        assert refused({"type": type_name, name: bounds["max"]}) == []
        (above,) = refused({"type": type_name, name: bounds["max"] + 1})
        assert above.endswith(f"less than or equal to {bounds['max']}")
        (below,) = refused({"type": type_name, name: bounds["min"] - 1})
        assert re.search(rf"greater than (or equal to )?{bounds['min']}$", below)
