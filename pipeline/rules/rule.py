"""The seam between a view's loop and its rules."""

from __future__ import annotations

from typing import Protocol

from pipeline.rules.settings import (
    CrowdingSettings,
    GarbageSettings,
    MissingHelmetSettings,
    OverflowingBinSettings,
    RuleSettings,
    StreetVendingSettings,
)
from pipeline.types import Scene, Suspicion
from pipeline.zones import Zone


class Rule(Protocol):
    """What every rule does: look at scenes in order, answer with what is suspicious now.

    A rule is told of every scene while its zone is watched and no permit holds; it is made
    anew afterwards, so that no time from before counts.
    """

    def update(self, scene: Scene) -> list[Suspicion]: ...


def make_rule(settings: RuleSettings, zone: Zone) -> Rule:
    """The rule for these settings in this zone, with nothing seen yet."""
    from pipeline.rules.crowding import CrowdingRule
    from pipeline.rules.garbage import GarbageRule
    from pipeline.rules.missing_helmet import MissingHelmetRule
    from pipeline.rules.overflowing_bin import OverflowingBinRule
    from pipeline.rules.street_vending import StreetVendingRule

    match settings:
        case StreetVendingSettings():
            return StreetVendingRule(settings, zone)
        case GarbageSettings():
            return GarbageRule(settings, zone)
        case OverflowingBinSettings():
            return OverflowingBinRule(settings, zone)
        case MissingHelmetSettings():
            return MissingHelmetRule(settings, zone)
        case CrowdingSettings():
            return CrowdingRule(settings, zone)
