"""The reference consumer: reads incidents off the queue, prints them, acknowledges.

It is what a consumer of one's own should look like: a group, a name in it, a handler that
commits its own results first, and a memory of what was handled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event

from rich.console import Console
from rich.text import Text

from pipeline.events.message import IncidentEvent
from pipeline.queue.consumer import Consumer, ConsumerConfig, ConsumerStatus
from pipeline.queue.journal import Journal
from pipeline.queue.port import INCIDENTS, Group
from pipeline.queue.redis_bus import RedisBus, RedisBusConfig

_COLOURS = {"started": "bold red", "updated": "yellow", "ended": "green", "accepted": "bold cyan"}


def listen(
    redis_url: str,
    group: str,
    consumer: str,
    *,
    on_event: Callable[[IncidentEvent], None] | None = None,
    once: bool = False,
    limit: int | None = None,
    from_start: bool = False,
    journal: Path | None = None,
    stop: Event | None = None,
    stream: str = INCIDENTS,
    config: ConsumerConfig | None = None,
    console: Console | None = None,
) -> ConsumerStatus:
    """Consume incident events until told to stop; returns what was done.

    An event is acknowledged after `on_event` returned and the journal, if any, holds its id. One
    that keeps failing goes to the dead-letter stream. An event delivered again is recognised by
    source and id: since the start of this call, or of the journal.

    Args:
        redis_url: `redis://`, `rediss://` or `unix://`.
        group: Consumer group; each group gets every event once.
        consumer: Name of this consumer, unique in its group.
        on_event: Takes an event and commits; prints it when None.
        once: Return when nothing is left; an outage of Redis is raised instead of waited out.
        limit: Return after this many events were handled.
        from_start: A new group begins with what the stream still holds.
        journal: File that remembers handled events over restarts.
        stop: Return soon after this is set.
        stream: Where the site publishes.
        config: Bounds of the consumer.
        console: Where to print.

    Raises:
        BusError: With `once`, the queue cannot be read; the journal cannot be written.
    """
    stop = stop or Event()
    handle = on_event or _printer(console or Console())
    seen = Journal(journal) if journal else None
    bus = RedisBus(redis_url, RedisBusConfig())
    config = replace(config or ConsumerConfig(), from_start=from_start)
    if limit is not None:
        config = replace(config, batch=1)
    reader = Consumer(
        bus, Group(stream, group, consumer), _until(handle, limit, stop), seen, config
    )
    try:
        if once:
            while not stop.is_set() and reader.run_once(block_s=0.05):
                pass
        else:
            reader.run(stop)
    finally:
        bus.close()
        if seen is not None:
            seen.close()
    return reader.status


def _until(
    handle: Callable[[IncidentEvent], None], limit: int | None, stop: Event
) -> Callable[[IncidentEvent], None]:
    """The handler, which sets `stop` when it took `limit` events."""
    if limit is None:
        return handle
    left = limit

    def counted(event: IncidentEvent) -> None:
        nonlocal left
        handle(event)
        left -= 1
        if left <= 0:
            stop.set()

    return counted


def _printer(console: Console) -> Callable[[IncidentEvent], None]:
    def show(event: IncidentEvent) -> None:
        console.print(line_of(event), soft_wrap=True)

    return show


def line_of(event: IncidentEvent) -> Text:
    """One line for people: when, what, where, how urgent, which clip."""
    data = event.data
    kind = f"{data.incident_type}/{data.subtype}" if data.subtype else data.incident_type
    line = Text(f"{event.time:%Y-%m-%d %H:%M:%S} ")
    line.append(f"{data.phase:<9}", _COLOURS.get(data.phase, ""))
    line.append(f"{_plain(kind):<22} ", "bold")
    line.append(f"{_plain(data.camera)}/{_plain(data.view)} zone {_plain(data.zone)} ")
    line.append(f"severity {data.severity} confidence {data.confidence:.2f} ")
    if event.dataref:
        line.append(f"clip {_plain(event.dataref)} ", "cyan")
    line.append(str(data.incident_id), "dim")
    return line


def _plain(text: str) -> str:
    """Without control characters: a camera's name must not steer the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)
