"""Confirmation: from suspicions to sightings, with hysteresis, in one view."""

from pipeline.confirm.closeup import CloseUp
from pipeline.confirm.confirmation import Confirmation
from pipeline.confirm.identity import Origin
from pipeline.confirm.looks import LookWant
from pipeline.confirm.memory import Rejection, ViewMemory

__all__ = ["CloseUp", "Confirmation", "LookWant", "Origin", "Rejection", "ViewMemory"]
