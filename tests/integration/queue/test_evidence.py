"""The evidence store: whole or not at all, chained, verified."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from builders.evidence import CLIP, STILL, folder, kinds, new_store

from pipeline.evidence.boxtrack import ClipFrame, box_track, read_box_track
from pipeline.evidence.errors import CutFailed, EvidenceRefused
from pipeline.evidence.store import (
    EvidenceItem,
    EvidenceStore,
)
from pipeline.evidence.verify import verify
from pipeline.types import BoxAt, ViewKey


class TestWriting:
    def test_bytes_and_cuts(self, store: EvidenceStore) -> None:
        names: list[str] = []

        def cut(path: Path) -> None:
            names.append(path.suffix)
            path.write_bytes(b"moov" * 10)

        clip = store.write(folder(), CLIP, cut)
        still = store.write(folder(), STILL, b"jpeg")
        assert names == [".mp4"], "a muxer goes by the suffix"
        assert clip.path == f"2026/06/01/gate-3/{folder().incident_id}/clip.mp4"
        assert (clip.bytes, clip.start_s, still.bytes) == (40, 1.5, 4)
        assert store.open_path(clip.path).read_bytes() == b"moov" * 10
        assert verify(store).ok
        assert verify(store).files == 2

    def test_a_kept_file_is_never_written_again(self, store: EvidenceStore) -> None:
        first = store.write(folder(), STILL, b"first")
        assert store.write(folder(), STILL, b"second") == first
        assert store.open_path(first.path).read_bytes() == b"first"
        assert verify(store).lines == 1

    @pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "", "x" * 81, "a\x00b"])
    def test_odd_names_are_refused(self, store: EvidenceStore, name: str) -> None:
        with pytest.raises(EvidenceRefused):
            store.write(folder(), EvidenceItem(name, "clip", "video/mp4"), b"x")

    @pytest.mark.parametrize("camera", ["../../etc", "..", "东门 3", "a/b", "c" * 300, ""])
    def test_odd_cameras_stay_inside(self, store: EvidenceStore, camera: str) -> None:
        kept = store.write(folder(camera=camera), STILL, b"x")
        assert store.open_path(kept.path).is_relative_to(store.root.resolve())

    def test_cameras_that_differ_do_not_share(self) -> None:
        assert folder(camera="a b").path != folder(camera="a_b").path

    @pytest.mark.parametrize(
        "path",
        ["../evidence.key", "/etc/passwd", "manifest.jsonl", ".staging/x", "no/such", "\x00"],
    )
    def test_nothing_else_is_served(self, store: EvidenceStore, path: str) -> None:
        store.write(folder(), STILL, b"x")
        with pytest.raises(EvidenceRefused):
            store.open_path(path)

    def test_a_cut_that_fails_leaves_nothing(self, store: EvidenceStore) -> None:
        def broken(path: Path) -> None:
            path.write_bytes(b"half")
            raise RuntimeError("no keyframe")

        with pytest.raises(CutFailed, match="no keyframe"):
            store.write(folder(), CLIP, broken)
        with pytest.raises(CutFailed, match="empty"):
            store.write(folder(), CLIP, lambda path: path.touch())
        assert store.state.available
        assert verify(store).lines == 0
        store.close()
        assert [p.name for p in store.root.rglob("*clip*")] == []

    def test_many_threads_make_one_chain(self, store: EvidenceStore) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: store.write(folder(str(n)), STILL, b"%d" % n), range(40)))
        assert verify(store).ok
        assert verify(store).files == 40

    def test_two_processes_make_one_chain(self, tmp_path: Path, store: EvidenceStore) -> None:
        other = new_store(store.root)
        for n in range(6):
            (store if n % 2 else other).write(folder(str(n)), STILL, b"x")
        other.close()
        assert verify(store).ok
        assert verify(store).files == 6


class TestVerify:
    @pytest.fixture(autouse=True)
    def three_files(self, store: EvidenceStore) -> None:
        for n in range(3):
            store.write(folder(str(n)), STILL, b"content %d" % n)
        assert verify(store).ok

    def manifest(self, store: EvidenceStore) -> Path:
        return store.root / "manifest.jsonl"

    def file(self, store: EvidenceStore) -> Path:
        return store.root / folder("1").path / "still.jpg"

    def test_an_altered_file(self, store: EvidenceStore) -> None:
        self.file(store).write_bytes(b"CONTENT 1")
        assert kinds(store) == ["file_altered"]
        assert verify(store, contents=False).ok
        self.file(store).write_bytes(b"longer than it was")
        assert [p.kind for p in verify(store, contents=False).problems] == ["file_altered"]

    def test_a_missing_file(self, store: EvidenceStore) -> None:
        self.file(store).unlink()
        assert kinds(store) == ["file_missing"]

    def test_a_planted_file(self, store: EvidenceStore) -> None:
        (self.file(store).parent / "planted.jpg").write_bytes(b"x")
        assert kinds(store) == ["file_unlisted"]

    def test_an_altered_line(self, store: EvidenceStore) -> None:
        lines = self.manifest(store).read_text().splitlines()
        lines[1] = lines[1].replace('"kind":"snapshot"', '"kind":"clip"')
        self.manifest(store).write_text("\n".join(lines) + "\n")
        assert kinds(store) == ["manifest_line"]

    def test_a_removed_line(self, store: EvidenceStore) -> None:
        lines = self.manifest(store).read_text().splitlines()
        self.manifest(store).write_text("\n".join([lines[0], lines[2]]) + "\n")
        assert "manifest_line" in kinds(store)
        assert "manifest_cut" in kinds(store)

    def test_lines_cut_off_at_the_end(self, store: EvidenceStore) -> None:
        lines = self.manifest(store).read_text().splitlines()
        self.manifest(store).write_text(lines[0] + "\n" + lines[1] + "\n")
        (store.root / folder("2").path / "still.jpg").unlink()
        assert kinds(store) == ["manifest_cut"]

    def test_a_chain_made_anew_without_the_key(self, store: EvidenceStore, tmp_path: Path) -> None:
        forged = new_store(tmp_path / "forged" / "evidence")
        forged.write(folder("1"), STILL, b"another content")
        for name in ("manifest.jsonl", "manifest.head"):
            (store.root / name).write_bytes((forged.root / name).read_bytes())
        forged.close()
        assert {"manifest_line", "manifest_head"} <= set(kinds(store))

    def test_a_line_torn_after_its_head_is_tampering(self, store: EvidenceStore) -> None:
        whole = self.manifest(store).read_bytes()
        self.manifest(store).write_bytes(whole[:-20])
        again = new_store(store.root)
        again.write(folder("new"), STILL, b"x")
        assert "manifest_line" in kinds(again)
        again.close()

    def test_a_line_torn_by_a_crash_is_cut_off(self, store: EvidenceStore) -> None:
        with self.manifest(store).open("ab") as file:
            file.write(b'{"op":"add","path":"2026')
        again = new_store(store.root)
        again.write(folder("new"), STILL, b"x")
        assert verify(again).ok
        assert verify(again).files == 4
        again.close()


class TestCrash:
    @pytest.mark.parametrize("stage", ["append", "move", "sync"])
    def test_killed_while_writing(self, tmp_path: Path, stage: str) -> None:
        """Whatever the moment, the file is there and listed, or not there and not listed."""
        script = (
            "import os, sys\n"
            "from datetime import date\n"
            "from pathlib import Path\n"
            "from uuid import UUID\n"
            "from pipeline.evidence.disk import Disk\n"
            "from pipeline.evidence.store import *\n"
            "class Dies(Disk):\n"
            f"    def {stage}(self, *a):\n"
            f"        if {stage!r} == 'append' or 'manifest' not in str(a[-1]): os._exit(9)\n"
            f"        return super().{stage}(*a)\n"
            "store = EvidenceStore(Path(sys.argv[1]), EvidenceConfig(min_free_bytes=0), Dies())\n"
            "f = EvidenceFolder(date(2026, 6, 1), 'gate-3', UUID(int=1), 'garbage')\n"
            "store.write(f, EvidenceItem('still.jpg', 'snapshot', 'image/jpeg'), b'content')\n"
        )
        root = tmp_path / "evidence"
        done = subprocess.run(
            [sys.executable, "-c", script, str(root)], cwd=Path(__file__).parents[3], timeout=60
        )
        assert done.returncode == 9
        store = new_store(root)
        report = verify(store)
        assert report.ok, report.problems
        assert report.files == (1 if stage == "move" else 0)
        assert not [p for p in (root / ".staging").rglob("*") if p.is_file()]
        store.close()


class TestBoxTrack:
    def test_it_reads_back(self) -> None:
        clip = ClipFrame(
            ViewKey("gate-3"),
            100.0,
            (1920, 1080),
            "pavement",
            [(0, 0.5), (1, 0.5), (1, 1.001)],
            {"confirmed": 105.0},
        )
        steps = [
            BoxAt(101.0, (0.1, 0.2, 0.3, 0.4), "stall", 0.9),
            BoxAt(100.04, (-0.01, 0.2, 0.3, 0.4), "stall", 0.8),
            BoxAt(101.0, (0.5, 0.2, 0.6, 0.4), "person", 0.7),
        ]
        track = read_box_track(box_track(clip, steps))
        assert [f.t_s for f in track.frames] == [0.04, 1.0]
        assert [len(f.boxes) for f in track.frames] == [1, 2]
        assert track.frames[0].boxes[0].xyxy_norm == (0.0, 0.2, 0.3, 0.4)
        assert track.marks[0].t_s == 5.0
        assert track.zone is not None
        assert track.zone.polygon_norm[2] == (1.0, 1.0)

    def test_rubbish_is_refused(self) -> None:
        with pytest.raises(EvidenceRefused):
            read_box_track(b'{"version": 2}')
