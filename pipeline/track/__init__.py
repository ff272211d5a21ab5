"""Tracking in one view, at glances that come at irregular intervals."""

from pipeline.track.settings import TrackerSettings
from pipeline.track.tracker import Tracker

__all__ = ["Tracker", "TrackerSettings"]
