"""What can go wrong with a benchmark.

NothingToMeasure   the pictures or clips that it needs are not there
"""


class NothingToMeasure(Exception):
    """The pictures or clips that a benchmark needs are not there."""
