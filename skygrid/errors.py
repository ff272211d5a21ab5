"""What can go wrong when a patrol is put together.

PatrolError
└── ZoneCannotBeSeen   a rule needs a class that the detector does not know
"""

from __future__ import annotations


class PatrolError(Exception):
    """Base of what stops a patrol from starting."""


class ZoneCannotBeSeen(PatrolError):
    """A rule needs a class that the detector does not know."""
