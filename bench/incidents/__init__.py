"""Scores the patrol as its users suffer it: incidents missed, raised wrongly, twice or late."""

from bench.incidents.suite import BenchOptions, run

__all__ = ["BenchOptions", "run"]
