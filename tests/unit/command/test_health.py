"""What /healthz says of a patrol that is short of attention."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from pipeline.engine.looks import LookPressure
from skygrid.health import health_report


def troubles(pressure: LookPressure) -> dict[str, str]:
    """Those of a patrol in which all but attention is well."""
    parts = SimpleNamespace(
        relay=SimpleNamespace(status=SimpleNamespace(up=True)),
        recorder=SimpleNamespace(status=SimpleNamespace(up=True, lost=0)),
        store=SimpleNamespace(state=SimpleNamespace(available=True)),
        clocks=SimpleNamespace(latest=()),
        detector=SimpleNamespace(model_id="m@0"),
    )
    patrol = SimpleNamespace(
        fleet=SimpleNamespace(health=dict),
        eagles=(),
        parts=parts,
        worker=SimpleNamespace(stretch=1.0, look_pressure=lambda: pressure),
        grounds=SimpleNamespace(troubles={}),
        dead_threads=(),
        site=SimpleNamespace(cameras=()),
    )
    found: dict[str, str] = health_report(cast(Any, patrol), {})["troubles"]
    return found


@pytest.mark.parametrize(
    ("pressure", "told"),
    [
        pytest.param(LookPressure(2, 0, 0.0, 0), set(), id="all looked at"),
        pytest.param(LookPressure(2, 1, 5.0, 2), set(), id="by chance"),
        pytest.param(LookPressure(2, 1, 5.0, 3), {"starved looks"}, id="starved"),
        pytest.param(LookPressure(2, 4, 31.0, 0), {"looks"}, id="waits"),
    ],
)
def test_too_little_attention_is_told(pressure: LookPressure, told: set[str]) -> None:
    assert set(troubles(pressure)) == told


def test_how_many_starved_is_told() -> None:
    words = troubles(LookPressure(2, 0, 0.0, 7))["starved looks"]
    assert words.startswith("7 suspicions of the last 5 minutes")
