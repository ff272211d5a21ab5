"""Fetching public clips, with a server that breaks off, lies, or is not there."""

from __future__ import annotations

import hashlib

import httpx
import pytest

from sample_videos import fetch
from sample_videos.catalogue import PublicClip, public_clips
from sample_videos.errors import SampleError, SampleFetchError, SampleHashError

BYTES = b"not really a clip " * 5000
COMMIT = "5" * 40


def clip(content=BYTES, **more):
    blob = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
    return PublicClip(
        id="a", file="a.mp4", url=f"https://example.org/{COMMIT}/a.mp4", licence="CC BY 4.0",
        seen="a thing", git_blob=blob, **more,
    )  # fmt: skip


@pytest.fixture
def one_clip(monkeypatch):
    monkeypatch.setattr(fetch, "public_clips", lambda: (clip(),))


def client(handler):
    return httpx.Client(transport=httpx.MockTransport(handler))


def serve(request):
    start = int(request.headers.get("range", "bytes=0-")[6:-1])
    return httpx.Response(206 if start else 200, content=BYTES[start:])


def refuse(request):
    raise AssertionError("must not ask the network")


@pytest.mark.usefixtures("one_clip")
class TestGet:
    def test_fetches_and_verifies(self, tmp_path):
        told = []
        paths = fetch.samples_get(
            tmp_path, client=client(serve), progress=lambda *a: told.append(a)
        )
        assert paths == [tmp_path / "a.mp4"]
        assert paths[0].read_bytes() == BYTES
        assert told[-1] == ("a", len(BYTES), len(BYTES))

    def test_second_time_asks_nobody(self, tmp_path):
        fetch.samples_get(tmp_path, client=client(serve))
        fetch.samples_get(tmp_path, client=client(refuse))

    def test_goes_on_where_it_broke_off(self, tmp_path):
        (tmp_path / ".a.mp4.part").write_bytes(BYTES[:40_000])
        asked = []

        def handler(request):
            asked.append(request.headers.get("range"))
            return serve(request)

        assert fetch.samples_get(tmp_path, client=client(handler))[0].read_bytes() == BYTES
        assert asked == ["bytes=40000-"]

    def test_server_without_ranges_starts_again(self, tmp_path):
        (tmp_path / ".a.mp4.part").write_bytes(b"x" * 100)
        whole = client(lambda request: httpx.Response(200, content=BYTES))
        assert fetch.samples_get(tmp_path, client=whole)[0].read_bytes() == BYTES

    def test_wrong_bytes_are_refused_and_removed(self, tmp_path):
        liar = client(lambda request: httpx.Response(200, content=b"something else"))
        with pytest.raises(SampleHashError, match="must have git blob"):
            fetch.samples_get(tmp_path, client=liar)
        assert list(tmp_path.iterdir()) == []

    def test_altered_file_is_fetched_again(self, tmp_path):
        (tmp_path / "a.mp4").write_bytes(b"altered")
        assert fetch.samples_get(tmp_path, client=client(serve))[0].read_bytes() == BYTES

    def test_missing_server_is_one_clear_error(self, tmp_path):
        gone = client(lambda request: httpx.Response(404))
        with pytest.raises(SampleFetchError, match="clip a cannot be fetched"):
            fetch.samples_get(tmp_path, client=gone)

    def test_mirror_is_used_and_verified(self, tmp_path):
        mirror = tmp_path / "mirror"
        mirror.mkdir()
        (mirror / "a.mp4").write_bytes(BYTES)
        got = fetch.samples_get(tmp_path / "d", mirror, client=client(refuse))
        assert got[0].read_bytes() == BYTES
        (mirror / "a.mp4").write_bytes(b"wrong")
        with pytest.raises(SampleHashError, match="the mirror do not"):
            fetch.samples_get(tmp_path / "e", mirror, client=client(refuse))

    def test_unknown_name(self, tmp_path):
        with pytest.raises(SampleError, match=r"must be one of \['a'\], got \['b'\]"):
            fetch.samples_get(tmp_path, only=["b"], client=client(refuse))


def test_manifest_of_the_package_is_valid():
    clips = public_clips()
    assert len(clips) >= 2
    assert all(c.licence and c.seen for c in clips)
