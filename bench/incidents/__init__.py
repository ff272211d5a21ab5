"""Scores the patrol as its users suffer it: incidents missed, raised wrongly, twice or late."""

from bench.incidents.command import IncidentBench, bench_incidents
from bench.incidents.suite import BenchOptions, run

__all__ = ["BenchOptions", "IncidentBench", "bench_incidents", "run"]
