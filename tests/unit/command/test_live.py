"""The live table: nothing troubled is hidden behind "ok"."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any, cast

from rich.console import Console

from pipeline.outbox import RelayStatus
from skygrid.live import CameraLine, screen
from skygrid.run import foot


def line(number: int, state: str) -> CameraLine:
    return CameraLine(f"gate-{number:03}", state, "no answer", 0.5, 0.1, 0, 0)


def shown(lines: list[CameraLine]) -> str:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(screen(lines, [], "foot"))
    return console.export_text()


def test_cameras_that_do_not_fit_are_told_with_their_states() -> None:
    lines = [line(n, "offline") for n in range(45)] + [line(n, "ok") for n in range(45, 55)]
    (more,) = [row for row in shown(lines).splitlines() if "more" in row]
    assert "15 more" in more
    assert "offline 5, ok 10" in more


def test_troubled_cameras_come_first() -> None:
    text = shown([line(n, "ok") for n in range(60)] + [line(60, "stalled")])
    assert text.index("gate-060") < text.index("gate-000")
    assert "ok 21" in text


def test_the_queue_is_not_down_before_it_was_asked() -> None:
    def of(status: RelayStatus) -> str:
        relay = SimpleNamespace(status=status)
        parts = SimpleNamespace(relay=relay, detector=SimpleNamespace(model_id="m"))
        site = SimpleNamespace(monitor=SimpleNamespace(host="h"))
        monitor, worker = SimpleNamespace(port=1), SimpleNamespace(stretch=1.0)
        patrol = SimpleNamespace(parts=parts, site=site, monitor=monitor, worker=worker)
        return foot(cast(Any, patrol))

    assert "queue not asked yet" in of(RelayStatus())
    assert "queue down, 3 events wait" in of(RelayStatus(up=False, pending=3))
    assert "queue up" in of(RelayStatus(up=True))
