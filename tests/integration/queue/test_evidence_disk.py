"""The evidence store on a disk in trouble, and files that are kept for their time."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from uuid import UUID

import pytest
from builders.evidence import CLIP, NOW, STILL, folder, kinds, new_store

from pipeline.evidence.disk import Disk
from pipeline.evidence.errors import EvidenceUnavailable
from pipeline.evidence.retention import Retention, RetentionConfig, retire
from pipeline.evidence.store import (
    EvidenceState,
    EvidenceStore,
)
from pipeline.evidence.verify import verify
from pipeline.ledger.errors import LedgerUnavailable
from pipeline.ledger.memory import MemoryLedger


class FullDisk(Disk):
    """Runs full at one operation, until told otherwise."""

    def __init__(self, operation: str, code: int = errno.ENOSPC) -> None:
        self.operation, self.code = operation, code
        self.broken = True

    def _maybe(self, operation: str) -> None:
        if self.broken and operation == self.operation:
            raise OSError(self.code, os.strerror(self.code))

    def make_folder(self, folder: Path) -> None:
        self._maybe("make_folder")
        super().make_folder(folder)

    def write(self, path: Path, content: bytes) -> None:
        self._maybe("write")
        super().write(path, content)

    def append(self, path: Path, line: bytes) -> None:
        self._maybe("append")
        super().append(path, line)

    def sync(self, path: Path) -> None:
        self._maybe("sync")
        super().sync(path)

    def free_bytes(self, folder: Path) -> int:
        return 0 if self.broken and self.operation == "free" else super().free_bytes(folder)


class TestDisk:
    @pytest.mark.parametrize("operation", ["make_folder", "write", "append", "sync", "free"])
    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EMFILE, errno.ETIMEDOUT])
    def test_trouble_is_told_and_recovers(self, tmp_path: Path, operation: str, code: int) -> None:
        disk, told = FullDisk(operation, code), list[EvidenceState]()
        store = new_store(tmp_path / "evidence", disk, on_change=told.append, min_free_bytes=1)
        for _ in range(2):
            with pytest.raises(EvidenceUnavailable):
                store.write(folder(), STILL, b"x")
        assert [state.available for state in told] == [False]
        assert told[0].reason.startswith("disk must")
        assert store.probe().available is (operation == "append")
        disk.broken = False
        assert store.probe().available
        store.write(folder(), STILL, b"x")
        assert told[-1].available
        assert verify(store).ok
        assert verify(store).files == 1
        store.close()

    def test_a_cut_into_a_full_disk(self, store: EvidenceStore) -> None:
        def cut(path: Path) -> None:
            try:
                raise OSError(errno.ENOSPC, "no space left")
            except OSError as error:
                raise RuntimeError("muxing failed") from error

        with pytest.raises(EvidenceUnavailable, match="no space left"):
            store.write(folder(), CLIP, cut)
        assert not store.state.available
        store.write(folder(), STILL, b"x")
        assert store.state.available

    @pytest.mark.parametrize("content", [b"", b"abc", b"ab" * 31, b"xy" * 32, b"\xff" * 64])
    def test_a_damaged_key_is_told_and_never_used(self, tmp_path: Path, content: bytes) -> None:
        key = tmp_path / "evidence.key"
        first = new_store(tmp_path / "evidence")
        first.write(folder("a"), STILL, b"x")
        first.close()
        whole = key.read_bytes()
        key.write_bytes(content)
        store = new_store(tmp_path / "evidence")
        with pytest.raises(EvidenceUnavailable, match=r"evidence\.key must be 64 hex digits"):
            store.write(folder("b"), STILL, b"x")
        assert not store.state.available
        key.write_bytes(whole)
        store.write(folder("b"), STILL, b"x")
        assert store.state.available
        assert verify(store).ok
        store.close()

    def test_a_file_in_place_of_the_folder(self, tmp_path: Path) -> None:
        (tmp_path / "evidence").write_text("")
        store = new_store(tmp_path / "evidence")
        with pytest.raises(EvidenceUnavailable):
            store.write(folder(), STILL, b"x")
        (tmp_path / "evidence").unlink()
        store.write(folder(), STILL, b"x")
        assert store.state.available
        store.close()

    def test_a_really_full_file_system(self, tmp_path: Path) -> None:
        mounted = tmp_path / "small"
        mounted.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(mounted)]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=10)
        except (OSError, subprocess.SubprocessError):
            pytest.skip("a tmpfs cannot be mounted here")
        try:
            store = new_store(mounted / "evidence", key_path=tmp_path / "key")
            store.write(folder("small"), STILL, b"x" * 1000)
            with pytest.raises(EvidenceUnavailable):
                store.write(folder("large"), STILL, b"x" * 300_000)
            with pytest.raises(EvidenceUnavailable):
                store.write(
                    folder("cut"), CLIP, lambda path: path.write_bytes(b"x" * 300_000) and None
                )
            store.write(folder("small again"), STILL, b"x" * 1000)
            assert verify(store).ok
            store.close()
        finally:
            subprocess.run(["umount", str(mounted)], check=True, timeout=10)


class TestRetention:
    def test_each_type_has_its_time_and_leaves_a_line(self, tmp_path: Path) -> None:
        now = [NOW]
        store = new_store(tmp_path / "evidence", clock=lambda: now[0])
        short = store.write(folder("a", "garbage"), STILL, b"a")
        long = store.write(folder("b", "crowding"), STILL, b"b")
        held = store.write(folder("c", "garbage"), STILL, b"c")
        config = RetentionConfig(
            default=timedelta(days=30),
            by_type={"garbage": timedelta(days=7)},
            held=lambda incident: incident == folder("c").incident_id,
        )
        assert retire(store, config, NOW + timedelta(days=6)) == ()
        assert retire(store, config, NOW + timedelta(days=8)) == (short.path,)
        assert not (store.root / short.path).exists()
        assert not (store.root / short.path).parent.exists()
        assert store.open_path(long.path)
        assert store.open_path(held.path)
        report = verify(store)
        assert report.ok
        assert (report.files, report.removed) == (2, 1)
        last = json.loads((store.root / "manifest.jsonl").read_text().splitlines()[-1])
        assert (last["op"], last["path"], last["reason"]) == ("remove", short.path, "retention")
        assert UUID(last["incident_id"]) == folder("a").incident_id
        (store.root / short.path).parent.mkdir(parents=True)
        (store.root / short.path).write_bytes(b"a")
        assert kinds(store) == ["file_not_removed"]
        retire(store, config, NOW + timedelta(days=8))
        assert verify(store).ok, "a removal that a crash interrupted is finished"
        store.close()

    def test_the_ledger_hears_of_it_first(self, tmp_path: Path, build: ModuleType) -> None:
        ledger = MemoryLedger()
        store = new_store(tmp_path / "evidence")
        kept = store.write(folder(), STILL, b"a")
        incident = ledger.record(build.make_sighting(), [kept])
        later = NOW + timedelta(days=31)
        retention = Retention(store, ledger, RetentionConfig(), clock=lambda: later)
        ledger.down = True
        with pytest.raises(LedgerUnavailable):
            retention.run_once()
        assert store.open_path(kept.path)
        ledger.down = False
        assert retention.run_once() == (kept.path,)
        assert ledger.incident(incident.incident_id).evidence == ()
        assert retention.run_once() == ()
        assert verify(store).ok
        store.close()

    def test_a_line_that_was_tampered_with_deletes_nothing(self, store: EvidenceStore) -> None:
        kept = store.write(folder(), STILL, b"a")
        path = store.root / "manifest.jsonl"
        path.write_text(path.read_text().replace('"at":"2026', '"at":"1999'))
        assert retire(store, RetentionConfig(), NOW) == ()
        assert store.open_path(kept.path)
