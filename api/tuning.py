"""What the zone page offers of each rule, with the bounds and defaults of its settings."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import TypeAdapter

from pipeline.rules.settings import RuleBase, RuleSettings

OFFERED = ("dwell_s", "glance_period_s", "look_fps", "look_s", "people")
"""All else of a rule is set through the API, or in the site's file."""

Bounds = dict[str, Any]
"""`min`, `max` and `default` of one number; the settings may refuse `min` itself."""


def rule_fields() -> dict[str, dict[str, Bounds]]:
    """By rule type, the numbers that it has, in the order in which they are offered."""
    union, _ = get_args(RuleSettings)
    return {rule.model_fields["type"].default: _fields(rule) for rule in get_args(union)}


def _fields(rule: type[RuleBase]) -> dict[str, Bounds]:
    known = TypeAdapter(rule).json_schema()["properties"]
    return {name: _bounds(known[name]) for name in OFFERED if name in known}


def _bounds(schema: dict[str, Any]) -> Bounds:
    number = schema["anyOf"][0] if "anyOf" in schema else schema  # the other one is null
    least = number.get("minimum", number.get("exclusiveMinimum"))
    return {"min": least, "max": number["maximum"], "default": schema["default"]}
