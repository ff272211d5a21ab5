"""Prometheus metrics of the review server, in a registry of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class ApiMetrics:
    """Counts requests, verdicts and live connections."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "skygrid_api_requests_total",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "skygrid_api_request_seconds",
            "Time from the request to its last byte; event streams are left out.",
            ("route",),
            registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
        )
        self.verdicts = Counter(
            "skygrid_api_verdicts_total",
            "Operators' actions on incidents.",
            ("action",),
            registry=self.registry,
        )
        self.live_clients = Gauge(
            "skygrid_api_live_clients", "Open event streams.", registry=self.registry
        )
        self.live_dropped = Counter(
            "skygrid_api_live_dropped_total",
            "Event streams closed because the browser did not keep up; it resumes by itself.",
            registry=self.registry,
        )
        self.review_pending = Gauge(
            "patrol_review_pending",
            "Incidents that wait for a verdict.",
            registry=self.registry,
        )

    def request(self, method: str, route: str, status: int, took_s: float) -> None:
        """Count one answered request."""
        self._requests.labels(method, route, str(status)).inc()
        if not route.endswith("/events"):
            self._seconds.labels(route).observe(took_s)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
