"""Whether an incident may be sent out to the people who clear it, by its type. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

Dispatch = Literal["due", "waiting", "withdrawn"]
"""due: send it out. waiting: a person must accept it first. withdrawn: call it back."""


def dispatch_of(
    incident_type: str, review: str, at_once: Collection[str], *, merged: bool
) -> Dispatch:
    """What dispatch should do with an incident as it stands.

    Args:
        incident_type: E.g. "garbage".
        review: "pending", "accepted" or "rejected".
        at_once: Types that go out as soon as they are confirmed; the others wait for a person.
        merged: Another incident stands for it.
    """
    if merged or review == "rejected":
        return "withdrawn"
    return "due" if review == "accepted" or incident_type in at_once else "waiting"
