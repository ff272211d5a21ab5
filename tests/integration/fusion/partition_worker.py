"""One of several fusion processes: records its partition of a made-up stream, every message twice.

Usage: partition_worker.py DATABASE_URL PARTITION PARTITIONS MESSAGES
"""

from __future__ import annotations

import sys

from bench.fusion_load import KnownPlaces, traffic
from pipeline.fusion.clocks import ClockWatch
from pipeline.fusion.fuse import Fusion, fusing
from pipeline.fusion.partition import partition_of
from pipeline.fusion.settings import FusionSettings
from pipeline.ledger.database import open_engine
from pipeline.ledger.port import LedgerConfig
from pipeline.ledger.sql import SqlLedger


def main(url: str, partition: int, partitions: int, messages: int) -> None:
    known, clocks = KnownPlaces(), ClockWatch()
    engine = open_engine(url, timeout_s=60.0)
    config = fusing(LedgerConfig("test"), FusionSettings(), clocks)
    fusion = Fusion(SqlLedger(engine, config), known, clocks)
    for sighting in traffic(known, messages, seed=1):
        if partition_of(sighting, known.place(sighting), partitions) == partition:
            fusion.record(sighting)
            fusion.record(sighting)
    engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1], *(int(word) for word in sys.argv[2:]))
