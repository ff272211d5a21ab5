"""The spool on disk: in order, bounded, whole through torn lines and full disks."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from types import ModuleType

import pytest

from pipeline.ledger.errors import (
    LedgerUnavailable,
    SpoolError,
)
from pipeline.ledger.spool import Spool, SpoolConfig, SpooledEvidence, SpooledSighting


class TestSpool:
    def test_entries_come_back_in_order(self, tmp_path: Path, build: ModuleType) -> None:
        spool = Spool(tmp_path / "s", SpoolConfig(segment_bytes=2000))
        entries = [
            SpooledSighting(build.make_sighting(n), (build.make_file(),), build.make_place())
            for n in range(7)
        ]
        evidence = SpooledEvidence(build.sighting_id(0), (build.make_file(),))
        for entry in [*entries, evidence]:
            spool.append(entry)
        assert len(list((tmp_path / "s").iterdir())) > 1
        again = Spool(tmp_path / "s")
        assert len(again) == 8
        taken: list[object] = []
        assert again.replay(taken.append, limit=3) == 3
        assert again.replay(taken.append) == 5
        assert taken == [*entries, evidence]
        assert len(again) == 0
        assert list((tmp_path / "s").iterdir()) == []

    def test_a_torn_last_line_is_dropped_and_writing_goes_on(
        self, tmp_path: Path, build: ModuleType
    ) -> None:
        spool = Spool(tmp_path / "s")
        spool.append(SpooledSighting(build.make_sighting(1)))
        (segment,) = (tmp_path / "s").iterdir()
        with segment.open("ab") as file:
            file.write(b'{"sighting": {"sight')
        again = Spool(tmp_path / "s")
        again.append(SpooledSighting(build.make_sighting(2)))
        taken: list[SpooledSighting] = []
        assert again.replay(taken.append) == 2
        assert [t.sighting for t in taken] == [build.make_sighting(1), build.make_sighting(2)]

    def test_a_failure_keeps_the_rest(self, tmp_path: Path, build: ModuleType) -> None:
        spool = Spool(tmp_path / "s")
        for n in range(4):
            spool.append(SpooledSighting(build.make_sighting(n)))
        taken: list[object] = []

        def down_after_two(entry: object) -> None:
            if len(taken) == 2:
                raise LedgerUnavailable("down")
            taken.append(entry)

        with pytest.raises(LedgerUnavailable):
            spool.replay(down_after_two)
        assert len(spool) == 2
        rest: list[SpooledSighting] = []
        spool.replay(rest.append)
        assert [r.sighting for r in rest] == [build.make_sighting(2), build.make_sighting(3)]

    def test_what_cannot_be_recorded_is_set_aside(self, tmp_path: Path, build: ModuleType) -> None:
        spool = Spool(tmp_path / "s")
        spool.append(SpooledSighting(build.make_sighting(1)))
        (segment,) = (tmp_path / "s").iterdir()
        segment.write_bytes(b"rubbish\n" + segment.read_bytes())
        taken: list[object] = []
        Spool(tmp_path / "s").replay(taken.append)
        assert len(taken) == 1
        (line,) = (tmp_path / "s" / "rejected.jsonl").read_text().splitlines()
        assert json.loads(line)["line"] == "rubbish\n"

    def test_it_is_bounded_and_counts_what_it_refuses(
        self, tmp_path: Path, build: ModuleType
    ) -> None:
        spool = Spool(tmp_path / "s", SpoolConfig(max_bytes=3000))
        many = [SpooledSighting(build.make_sighting(n)) for n in range(100)]
        with pytest.raises(SpoolError, match="spooled already"):
            list(map(spool.append, many))
        assert spool.refused == 1
        assert len(spool) > 1

    @pytest.mark.parametrize("torn", [False, True])
    def test_a_refused_entry_leaves_the_others_whole(
        self, tmp_path: Path, build: ModuleType, monkeypatch: pytest.MonkeyPatch, torn: bool
    ) -> None:
        spool = Spool(tmp_path / "s")
        spool.append(SpooledSighting(build.make_sighting(1)))

        def refuse(*_: object) -> int:
            raise OSError(errno.ENOSPC, "no space left")

        def write_half(fd: int, line: bytes) -> int:
            return real_write(fd, line[:20])

        real_write = os.write
        with monkeypatch.context() as full:
            full.setattr(os, "write", write_half)
            if torn:
                full.setattr(os, "ftruncate", refuse)
            for _ in range(3):
                with pytest.raises(SpoolError):
                    spool.append(SpooledSighting(build.make_sighting(2)))
        spool.append(SpooledSighting(build.make_sighting(3)))
        if not torn:
            assert len(list((tmp_path / "s").iterdir())) == 2, "no empty segments"
        taken: list[SpooledSighting] = []
        assert Spool(tmp_path / "s").replay(taken.append) == 2
        assert [t.sighting for t in taken] == [build.make_sighting(1), build.make_sighting(3)]

    def test_a_file_in_place_of_the_folder(self, tmp_path: Path, build: ModuleType) -> None:
        (tmp_path / "s").write_text("")
        with pytest.raises(SpoolError, match="must take entries"):
            Spool(tmp_path / "s").append(SpooledSighting(build.make_sighting(1)))
