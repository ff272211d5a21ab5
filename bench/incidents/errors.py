"""What can go wrong with the incident benchmark.

BenchError   a clip, a truth file or a detector that cannot be used
"""


class BenchError(Exception):
    """A clip, a truth file or a detector that cannot be used."""
