"""A small patrol for tests that kill it: records incidents, relays them, resumes after death.

Usage: recorder_process.py FOLDER REDIS_URL INCIDENTS

It prints one line per message that `Recorder.record` took. After a restart it begins some
messages before the last one printed, as a patrol does that sees the same happening again.
"""

from __future__ import annotations

import sys
from pathlib import Path
from threading import Event, Thread

FOLDER, URL, INCIDENTS = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from builders import ledger as build  # noqa: E402

from pipeline.ledger.database import migrate, open_engine, sqlite_url  # noqa: E402
from pipeline.ledger.outbox import SqlOutbox  # noqa: E402
from pipeline.ledger.port import LedgerConfig  # noqa: E402
from pipeline.ledger.recorder import Recorder  # noqa: E402
from pipeline.ledger.spool import Spool  # noqa: E402
from pipeline.ledger.sql import SqlLedger  # noqa: E402
from pipeline.outbox import Relay, RelayConfig  # noqa: E402
from pipeline.queue.redis_bus import RedisBus, RedisBusConfig  # noqa: E402
from pipeline.types import Phase  # noqa: E402

engine = open_engine(sqlite_url(FOLDER / "ledger.db"))
migrate(engine)
recorder = Recorder(SqlLedger(engine, LedgerConfig(site="test")), Spool(FOLDER / "spool"))
relay = Relay(
    SqlOutbox(engine),
    RedisBus(URL, RedisBusConfig(timeout_s=10.0)),
    RelayConfig(batch=7, poll_s=0.05, backoff_s=0.02, max_backoff_s=0.1),
)
stop = Event()
threads = [Thread(target=work, args=(stop,), daemon=True) for work in (relay.run, recorder.run)]
for thread in threads:
    thread.start()

progress = FOLDER / "progress"
lines = progress.read_text().splitlines() if progress.exists() else []
done = int(lines[-1]) if lines else 0
phases = [Phase.STARTED, Phase.UPDATED, Phase.ENDED]
with progress.open("a") as file:
    for n in range(max(0, done - 4), INCIDENTS * 3):
        incident, sequence = divmod(n, 3)
        recorder.record(
            build.make_sighting(
                incident,
                sequence,
                n,
                start_s=n - sequence,
                phase=phases[sequence],
                zone_id=f"z{incident % 50}",
                xyxy_norm=(0.0, incident / INCIDENTS, 0.1, (incident + 0.5) / INCIDENTS),
            )
        )
        file.write(f"{n}\n")
        file.flush()
        print(n, flush=True)
recorder.flush()
while relay.status.up is not True or relay.status.pending or relay.status.published == 0:
    if stop.wait(0.02):
        break
    if relay.status.up and not relay.status.pending:
        break
stop.set()
for thread in threads:
    thread.join(5)
relay.drain()
