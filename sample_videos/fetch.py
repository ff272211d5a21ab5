"""Fetches public clips: resumable, atomic, wrong bytes refused (network, files)."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import httpx

from sample_videos.catalogue import PublicClip, public_clips
from sample_videos.errors import SampleError, SampleFetchError, SampleHashError

Progress = Callable[[str, int, int | None], None]
"""Called with the clip's id, bytes so far, bytes in all (None if unknown)."""

_CHUNK = 1 << 16
_TIMEOUT_S = 20.0
_MOST_BYTES = 1 << 30


def samples_get(
    dest: Path,
    mirror: Path | None = None,
    *,
    only: Sequence[str] = (),
    progress: Progress | None = None,
    client: httpx.Client | None = None,
) -> list[Path]:
    """Bring public clips into a folder; those that are there and right are left alone.

    Args:
        dest: Folder; made if missing.
        mirror: Directory with copies of some clips; they are verified like all others, and
            clips that it lacks are fetched.
        only: Ids; all if empty.
        progress: For a progress bar.
        client: For tests; else one with a timeout of 20 s per read is made.

    Raises:
        SampleError: an id that the manifest does not have.
        SampleFetchError: a clip cannot be fetched; what came so far is kept for the next try.
        SampleHashError: bytes that are not the clip's; they are removed.
    """
    clips = public_clips()
    unknown = sorted(set(only) - {clip.id for clip in clips})
    if unknown:
        raise SampleError(f"sample must be one of {[c.id for c in clips]}, got {unknown}")
    dest.mkdir(parents=True, exist_ok=True)
    with _client(client) as http:
        return [
            _bring(clip, dest, mirror, progress, http)
            for clip in clips
            if not only or clip.id in only
        ]


@contextmanager
def _client(given: httpx.Client | None) -> Iterator[httpx.Client]:
    if given is not None:
        yield given
        return
    with httpx.Client(timeout=_TIMEOUT_S, follow_redirects=True) as own:
        yield own


def _bring(clip: PublicClip, dest: Path, mirror: Path | None, progress: Progress | None,
           http: httpx.Client) -> Path:  # fmt: skip
    target, part = dest / clip.file, dest / f".{clip.file}.part"
    if target.is_file() and is_right(clip, target):
        return target
    copy = _in_mirror(clip, mirror)
    if copy is not None:
        shutil.copyfile(copy, part)
    else:
        _download(clip, part, progress, http)
    if not is_right(clip, part):
        part.unlink()
        raise SampleHashError(
            f"clip {clip.id} must have {_wanted(clip)}, the bytes from "
            f"{'the mirror' if copy else 'its address'} do not"
        )
    os.replace(part, target)
    if progress is not None:
        size = target.stat().st_size
        progress(clip.id, size, size)
    return target


def _in_mirror(clip: PublicClip, mirror: Path | None) -> Path | None:
    if mirror is None:
        return None
    names = (clip.mirror, clip.file)
    return next((mirror / n for n in names if n is not None and (mirror / n).is_file()), None)


def _download(clip: PublicClip, part: Path, progress: Progress | None, http: httpx.Client) -> None:
    have = part.stat().st_size if part.is_file() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        with http.stream("GET", clip.url, headers=headers) as answer:
            if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and have:
                return
            answer.raise_for_status()
            resumed = answer.status_code == httpx.codes.PARTIAL_CONTENT
            have = have if resumed else 0
            length = answer.headers.get("content-length")
            total = have + int(length) if length is not None and length.isdigit() else None
            with part.open("ab" if resumed else "wb") as file:
                _store(clip, answer, file, have, total, progress)
    except httpx.HTTPError as error:
        raise SampleFetchError(f"clip {clip.id} cannot be fetched: {error}") from error


def _store(clip: PublicClip, answer: httpx.Response, file: BinaryIO, have: int, total: int | None,
           progress: Progress | None) -> None:  # fmt: skip
    for chunk in answer.iter_bytes(_CHUNK):
        file.write(chunk)
        have += len(chunk)
        if have > _MOST_BYTES:
            raise SampleFetchError(f"clip {clip.id} must be smaller than 1 GiB")
        if progress is not None:
            progress(clip.id, have, total)


def is_right(clip: PublicClip, path: Path) -> bool:
    """True when a file's bytes have every hash that the manifest names."""
    sha256, blob = hashlib.sha256(), hashlib.sha1(usedforsecurity=False)
    blob.update(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            sha256.update(chunk)
            blob.update(chunk)
    right_sha = clip.sha256 is None or clip.sha256 == sha256.hexdigest()
    return right_sha and (clip.git_blob is None or clip.git_blob == blob.hexdigest())


def _wanted(clip: PublicClip) -> str:
    return f"SHA-256 {clip.sha256}" if clip.sha256 else f"git blob {clip.git_blob}"
