"""Zones saved in the page: taken over where they can be seen, told where they cannot."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from pipeline.types import ViewKey
from pipeline.zone_store import ZoneVersion
from pipeline.zones import Zone
from skygrid.desk import Desk
from skygrid.errors import ZoneCannotBeSeen
from skygrid.patrol import Patrol

GATE = ViewKey("gate")
HELMET = {"id": "site", "rules": [{"type": "missing_helmet"}]}
CROWD = {"id": "square", "rules": [{"type": "crowding"}]}


def saved(*zones: dict[str, Any]) -> ZoneVersion:
    return ZoneVersion(GATE, 2, zones, "li", 0.0)


def patrol(labels: tuple[str, ...]) -> tuple[Any, list[Any]]:
    """As much of a patrol as taking over zones needs, and what was prepared and done."""
    done: list[Any] = []
    made = SimpleNamespace(
        eagles=(),
        parts=SimpleNamespace(engine=None, detector=SimpleNamespace(labels=labels)),
        site=SimpleNamespace(data_dir=None),
        worker=SimpleNamespace(retime=done.append),
        plan_for=lambda key, zones: zones,
        _count=SimpleNamespace(prepare=lambda zones: done.append(len(zones))),
    )
    made.grounds = SimpleNamespace(calibrate=lambda key, ground: False)
    made.checked_zones = lambda version: Patrol.checked_zones(cast(Any, made), version)
    return made, done


class View:
    key = GATE
    zones: tuple[Zone, ...] = ()

    def replan(self, zones: tuple[Zone, ...]) -> None:
        self.zones = zones


def test_zones_that_cannot_be_seen_are_refused() -> None:
    blind, _ = patrol(("person",))
    with pytest.raises(ZoneCannotBeSeen, match="camera gate: rule missing_helmet of zone site"):
        Patrol.checked_zones(blind, saved(HELMET))


@pytest.mark.parametrize("zone", [HELMET, {"id": "broken", "rules": []}], ids=["blind", "invalid"])
def test_a_refusal_is_told_and_the_old_zones_stay(zone: dict[str, Any]) -> None:
    made, done = patrol(("person",))
    desk, view = Desk(made), View()
    desk._adopt(cast(Any, view), saved(zone))
    assert view.zones == ()
    assert done == []
    assert list(desk._refused) == [GATE]
    desk._adopt(cast(Any, view), saved(CROWD))
    assert [z.id for z in view.zones] == ["square"]
    assert desk._refused == {}
    assert done == [1, GATE]
