"""What can go wrong with a benchmark.

NothingToMeasure   the pictures or clips that it needs are not there
NotComparable      two reports are not of the same
SpeedError         a measured process, or the stream that it watches, failed
"""


class NothingToMeasure(Exception):
    """The pictures or clips that a benchmark needs are not there."""


class NotComparable(Exception):
    """Two reports of a benchmark are not of the same, or one is no report."""


class SpeedError(Exception):
    """A measured process of the speed benchmark, or the stream that it watches, failed."""
