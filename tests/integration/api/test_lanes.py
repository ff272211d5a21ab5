"""Long reports hold up nobody who judges."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from api.lanes import QUICK_THREADS


def test_reports_that_take_long_leave_threads_for_the_queue(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, statistics = threading.Event(), house.services.statistics
    answer = type(statistics).of

    def slow(self: Any, *args: Any) -> Any:
        assert go.wait(30)
        return answer(self, *args)

    monkeypatch.setattr(type(statistics), "of", slow)
    boss = house.sign_in("supervisor")
    with ThreadPoolExecutor(QUICK_THREADS + 4) as desks:
        reports = [
            desks.submit(boss.get, "/api/v1/statistics", timeout=40)
            for _ in range(QUICK_THREADS + 4)
        ]
        try:
            listed = boss.get("/api/v1/incidents", timeout=10)
            assert not any(report.done() for report in reports)
        finally:
            go.set()
        assert listed.status_code == 200
        assert {report.result().status_code for report in reports} == {200}
