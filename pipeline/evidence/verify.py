"""Checks all evidence against the manifest: what was altered, removed, added or cut off."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.evidence.disk import digest
from pipeline.evidence.manifest import FIRST, Head, Line, Manifest
from pipeline.evidence.store import EvidenceStore

ProblemKind = Literal[
    "manifest_line",
    "manifest_cut",
    "manifest_head",
    "file_missing",
    "file_altered",
    "file_not_removed",
    "file_unlisted",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as the manifest says: kind, path or line, and in plain words."""

    kind: ProblemKind
    where: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check looked at, and what it found.

    Attributes:
        lines: Lines of the manifest.
        files: Files that must exist.
        removed: Files that retention took.
        problems: Everything that is wrong, empty when nothing is.
    """

    lines: int
    files: int
    removed: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return not self.problems


def verify(store: EvidenceStore, *, contents: bool = True) -> Verification:
    """Check chain, signatures, head and every file.

    Args:
        store: The evidence store; reading only.
        contents: Read every file and compare its hash; else only existence and size.

    Raises:
        EvidenceUnavailable: The disk cannot be read.
    """
    manifest = store.manifest()
    before = manifest.head()  # lines that others append meanwhile are none of our business
    lines = list(manifest.lines())
    problems = [Problem("manifest_line", f"line {x.number + 1}", x.wrong) for x in lines if x.wrong]
    problems += _head_problems(before, lines)
    kept, removed = _replay(lines)
    for path, body in kept.items():
        problems += _file_problems(store.root, path, body, contents)
    for path in removed:
        if (store.root / path).exists():
            problems.append(Problem("file_not_removed", path, "was removed, yet it is there"))
    problems += [
        Problem("file_unlisted", path, "is not in the manifest")
        for path in _files_below(store.root)
        if path not in kept and path not in removed and not _listed_meanwhile(manifest, path)
    ]
    return Verification(len(lines), len(kept), len(removed), tuple(problems))


def _head_problems(head: Head | None, lines: list[Line]) -> Iterator[Problem]:
    if head is None:
        if lines:
            yield Problem("manifest_head", "manifest.head", "is missing or forged")
        return
    if head.count > len(lines):
        lost = head.count - len(lines)
        yield Problem("manifest_cut", "manifest.jsonl", f"{lost} lines are missing at the end")
        return
    last = lines[head.count - 1].body.get("hash") if head.count else FIRST
    if last != head.hash:
        yield Problem("manifest_head", "manifest.head", "does not match the line that it names")


def _replay(lines: list[Line]) -> tuple[dict[str, Mapping[str, Any]], set[str]]:
    """(what must exist by path, what must not) after all lines."""
    kept: dict[str, Mapping[str, Any]] = {}
    removed: set[str] = set()
    for line in lines:
        path = str(line.body.get("path", ""))
        if line.body.get("op") == "add":
            kept[path] = line.body
            removed.discard(path)
        elif line.body.get("op") == "remove":
            kept.pop(path, None)
            removed.add(path)
    return kept, removed


def _file_problems(
    root: Path, path: str, body: Mapping[str, Any], contents: bool
) -> Iterator[Problem]:
    try:
        sha256, size = digest(root / path) if contents else ("", (root / path).stat().st_size)
    except OSError as error:
        yield Problem("file_missing", path, f"cannot be read: {error.strerror}")
        return
    if size != body.get("bytes"):
        yield Problem("file_altered", path, f"must have {body.get('bytes')} bytes, got {size}")
    elif contents and sha256 != body.get("sha256"):
        yield Problem("file_altered", path, "has another SHA-256 than the manifest")


def _files_below(root: Path) -> Iterator[str]:
    for folder, names, files in os.walk(root):
        if Path(folder) == root:
            names[:] = [name for name in names if name != ".staging"]
            files = [name for name in files if not name.startswith(("manifest.", ".manifest."))]
        for name in files:
            yield (Path(folder) / name).relative_to(root).as_posix()


def _listed_meanwhile(manifest: Manifest, path: str) -> bool:
    """Another process may have kept it since the lines were read."""
    return any(line.body.get("path") == path and not line.wrong for line in manifest.lines())
