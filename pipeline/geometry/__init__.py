"""Pixels to places: calibrated views, coordinate systems and the management grid, numpy only."""
