"""`skygrid listen` on a real Redis, and the messages against the published AsyncAPI file."""

from __future__ import annotations

import io
import json
from pathlib import Path
from threading import Event, Thread
from types import ModuleType

import jsonschema
import pytest
import redis
from builders import tally
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from rich.console import Console
from ruamel.yaml import YAML
from sqlalchemy import Engine

from pipeline.events.message import IncidentEvent
from pipeline.ledger.outbox import SqlOutbox
from pipeline.ledger.sql import SqlLedger
from pipeline.outbox import Relay
from pipeline.queue.consumer import ConsumerConfig
from pipeline.queue.embedded import EmbeddedRedis
from pipeline.queue.errors import BusUnavailable
from pipeline.queue.journal import Journal
from pipeline.queue.port import INCIDENTS, dead_letters
from pipeline.queue.redis_bus import RedisBus
from pipeline.types import Phase, ViewKey
from skygrid.listen import listen

pytestmark = pytest.mark.redis
ASYNCAPI = Path(__file__).parents[3] / "docs" / "asyncapi.yaml"


@pytest.fixture
def filled(engine: Engine, redis_bus: RedisBus, build: ModuleType) -> SqlLedger:
    """Two incidents in the stream: one placed, with evidence, ended; one open with odd names."""
    ledger = SqlLedger(engine)
    ledger.record(build.make_sighting(), [build.make_file()], build.make_place(area_m2=2.0))
    ledger.record(build.make_sighting(sequence=1, at_s=60, phase=Phase.ENDED))
    odd = ViewKey("东门\x1b[31m", "main")
    ledger.record(build.make_sighting("b", view=odd, subtype="dumping", measures={"people": 3.0}))
    Relay(SqlOutbox(engine), redis_bus).drain()
    return ledger


@pytest.mark.usefixtures("filled")
class TestListen:
    def test_every_event_once_per_group(self, redis_server: EmbeddedRedis) -> None:
        for group in ("dispatch", "archive"):
            seen: list[IncidentEvent] = []
            status = listen(
                redis_server.url, group, "one", on_event=seen.append, once=True, from_start=True
            )
            assert [e.data.phase for e in seen] == ["started", "ended", "started"]
            assert (status.handled, status.duplicates, status.dead) == (3, 0, 0)
            again = listen(redis_server.url, group, "one", on_event=seen.append, once=True)
            assert again.handled == 0

    def test_it_prints_a_line_each_and_no_control_characters(
        self, redis_server: EmbeddedRedis
    ) -> None:
        out = io.StringIO()
        console = Console(file=out, width=200)
        listen(redis_server.url, "people", "one", once=True, from_start=True, console=console)
        lines = out.getvalue().splitlines()
        assert len(lines) == 3
        assert "garbage/dumping" in lines[2]
        assert "东门?[31m" in lines[2]
        assert "\x1b" not in out.getvalue()

    def test_a_limit_stops_it(self, redis_server: EmbeddedRedis) -> None:
        seen: list[IncidentEvent] = []
        listen(redis_server.url, "g", "one", on_event=seen.append, limit=2, from_start=True)
        assert len(seen) == 2
        listen(redis_server.url, "g", "one", on_event=seen.append, once=True)
        assert len(seen) == 3

    def test_killed_between_commit_and_acknowledgement(
        self, redis_server: EmbeddedRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[IncidentEvent] = []
        journal = tmp_path / "journal.jsonl"
        with monkeypatch.context() as patch:
            patch.setattr(RedisBus, "ack", _die)
            with pytest.raises(KeyboardInterrupt):
                listen(
                    redis_server.url,
                    "g",
                    "one",
                    on_event=seen.append,
                    once=True,
                    from_start=True,
                    journal=journal,
                )
        with journal.open("ab") as file:
            file.write(b'["/skygrid/lo')  # and the next line was torn
        status = listen(
            redis_server.url, "g", "one", on_event=seen.append, once=True, journal=journal
        )
        assert [e.data.phase for e in seen] == ["started", "ended", "started"]
        assert (status.handled, status.duplicates) == (2, 1)

    def test_what_keeps_failing_is_dead_with_its_reason(self, redis_server: EmbeddedRedis) -> None:
        def refuse(event: IncidentEvent) -> None:
            if event.data.phase == "ended":
                raise ValueError("no such unit")

        config = ConsumerConfig(stale_s=0.0, max_deliveries=3, block_s=0.05)
        status = listen(
            redis_server.url, "g", "one", on_event=refuse, once=True, from_start=True, config=config
        )
        assert (status.handled, status.failed, status.dead) == (2, 3, 1)
        (dead,) = tally.entries(redis_server.url, dead_letters(INCIDENTS))
        assert dead["phase"] == "ended"
        assert dead["dead_reason"] == "ValueError: no such unit"
        assert dead["dead_deliveries"] == "3"

    def test_it_waits_out_an_outage(
        self, redis_server: EmbeddedRedis, engine: Engine, filled: SqlLedger, build: ModuleType
    ) -> None:
        seen: list[IncidentEvent] = []
        stop = Event()
        config = ConsumerConfig(block_s=0.1, backoff_s=0.02, max_backoff_s=0.1)

        def run() -> None:
            listen(
                redis_server.url,
                "g",
                "one",
                on_event=seen.append,
                from_start=True,
                stop=stop,
                limit=4,
                config=config,
            )

        thread = Thread(target=run)
        thread.start()
        redis_server.stop()
        filled.record(build.make_sighting("c", zone_id="other"))
        redis_server.start()
        bus = RedisBus(redis_server.url)
        Relay(SqlOutbox(engine), bus).drain()
        bus.close()
        thread.join(20)
        stop.set()
        thread.join(5)
        assert len({e.id for e in seen}) == len(seen) == 4

    def test_without_redis_once_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(BusUnavailable, match="must answer"):
            listen(f"unix://{tmp_path}/none.sock", "g", "one", once=True)


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def test_real_messages_fit_the_published_schema(
    filled: SqlLedger, redis_server: EmbeddedRedis, redis_bus: RedisBus
) -> None:
    document = YAML(typ="safe").load(ASYNCAPI.read_text())
    resource = Resource.from_contents(document, default_specification=DRAFT202012)
    registry = Registry().with_resource("asyncapi", resource)

    def validator(name: str) -> jsonschema.Draft202012Validator:
        reference = {"$ref": f"asyncapi#/components/schemas/{name}"}
        return jsonschema.Draft202012Validator(
            reference, registry=registry, format_checker=jsonschema.FormatChecker()
        )

    entry, event = validator("Entry"), validator("IncidentEvent")
    found = tally.entries(redis_server.url)
    assert len(found) == 3
    for fields in found:
        entry.validate(fields)
        event.validate(json.loads(fields["event"]))
    wrong = json.loads(found[0]["event"])
    del wrong["data"]["evidence"][0]["sha256"]
    with pytest.raises(jsonschema.ValidationError):
        event.validate(wrong)
    listen(
        redis_server.url,
        "g",
        "one",
        on_event=_refuse,
        once=True,
        from_start=True,
        config=ConsumerConfig(stale_s=0.0, max_deliveries=1, block_s=0.05),
    )
    dead = tally.entries(redis_server.url, dead_letters(INCIDENTS))
    assert len(dead) == 3
    for fields in dead:
        validator("DeadEntry").validate(fields)


def _refuse(_event: IncidentEvent) -> None:
    raise RuntimeError("never")


def test_a_journal_remembers_its_newest(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", capacity=2)
    for n in "abc":
        journal.add(("s", n))
    journal.close()
    again = Journal(tmp_path / "j", capacity=2)
    assert [again.has(("s", n)) for n in "abc"] == [False, True, True]
    again.close()


def test_a_stream_that_was_wiped_is_read_from_its_start(
    redis_server: EmbeddedRedis, filled: SqlLedger, engine: Engine, build: ModuleType
) -> None:
    """Redis lost everything, group included; what is published again and new both arrive once."""
    seen: list[IncidentEvent] = []
    stop = Event()
    config = ConsumerConfig(block_s=0.1, backoff_s=0.02, max_backoff_s=0.1)
    keywords = {"on_event": seen.append, "from_start": True, "stop": stop, "config": config}
    thread = Thread(target=listen, args=(redis_server.url, "g", "one"), kwargs=keywords)
    thread.start()
    while len(seen) < 3:
        stop.wait(0.02)
    with redis.Redis.from_url(redis_server.url) as admin:
        admin.flushall()
    filled.record(build.make_sighting("c", zone_id="other"))
    bus = RedisBus(redis_server.url)
    Relay(SqlOutbox(engine), bus).drain()
    bus.close()
    while len(seen) < 4:
        stop.wait(0.02)
    stop.set()
    thread.join(10)
    assert len({e.id for e in seen}) == len(seen) == 4
