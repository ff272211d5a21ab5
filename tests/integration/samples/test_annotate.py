"""The annotation page's server: what it serves, saves and refuses."""

from __future__ import annotations

import socket
import threading
import time
from datetime import UTC, datetime

import httpx
import pytest
import uvicorn

from sample_videos.annotate import annotate_app, draft_of
from sample_videos.catalogue import CLIPS
from sample_videos.errors import TruthError
from sample_videos.truth import load_truth

CLIP = CLIPS / "demo-bin.mp4"
INCIDENT = {
    "id": "i-1",
    "type": "garbage",
    "begin_s": 3.0,
    "dwell_s": 10.0,
    "zone": "kerb",
    "box_norm": [0.2, 0.3, 0.4, 0.5],
}
ZONE = {
    "id": "kerb",
    "polygon_norm": [[0, 0], [1, 0], [1, 1]],
    "rules": {"garbage": {"dwell_s": 10}},
}


@pytest.fixture
def target(tmp_path):
    return tmp_path / "demo-bin.truth.json"


@pytest.fixture
def page(target):
    draft = draft_of(CLIP, datetime(2026, 3, 2, 9, tzinfo=UTC))
    app = annotate_app(CLIP, target, draft)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    until = time.monotonic() + 30
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    port = listener.getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        yield client
    server.should_exit = True
    thread.join(30)


def test_draft_knows_its_clip():
    true, draft = load_truth(CLIPS / "demo-bin.truth.json").clip, draft_of(CLIP).clip
    assert (draft.sha256, draft.frames, draft.size) == (true.sha256, true.frames, true.size)
    assert draft.fps == pytest.approx(true.fps)


def test_no_clip_has_no_draft(tmp_path):
    (tmp_path / "a.mp4").write_text("no video")
    with pytest.raises(TruthError, match=r"a\.mp4 must be a video"):
        draft_of(tmp_path / "a.mp4")


def test_page_and_parts_of_the_clip_are_served(page):
    assert "page.js" in page.get("/").text
    assert "default-src 'self'" in page.get("/").headers["content-security-policy"]
    part = page.get("/clip", headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, CLIP.read_bytes()[:10])


def test_what_is_saved_is_a_truth_file_and_is_shown_again(page, target):
    assert page.get("/truth").json()["about"]["exists"] is False
    assert page.put("/truth", json={"incidents": [INCIDENT], "zones": [ZONE]}).status_code == 200
    truth = load_truth(target)
    assert [(i.id, i.begin_s) for i in truth.incidents] == [("i-1", 3.0)]
    shown = page.get("/truth").json()
    assert shown["about"]["exists"] is True
    assert shown["incidents"][0]["zone"] == "kerb"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"incidents": [{**INCIDENT, "end_s": 1.0}]}, "end_s must be after", id="end"),
        pytest.param({"incidents": [INCIDENT]}, "names zone 'kerb', not in zones", id="zone"),
        pytest.param({"incidents": [{**INCIDENT, "begin_s": 1e6}]}, "within the clip", id="late"),
        pytest.param({"clip": {}}, "changes must be of", id="clip"),
    ],
)
def test_what_is_not_valid_is_refused_and_nothing_is_written(page, target, changes, told):
    answer = page.put("/truth", json={"zones": [], **changes})
    assert answer.status_code == 422
    assert told in answer.json()["error"]
    assert not target.exists()


def test_objects_of_an_earlier_file_are_kept(page, target):
    target.write_bytes((CLIPS / "demo-bin.truth.json").read_bytes())
    before = load_truth(target)
    assert page.put("/truth", json={"near_misses": []}).status_code == 200
    after = load_truth(target)
    assert after.objects == before.objects
    assert after.incidents == before.incidents


def test_another_site_cannot_write(page, target):
    plain = {"Content-Type": "text/plain"}
    assert page.put("/truth", content='{"incidents": []}', headers=plain).status_code == 415
    assert page.get("/truth", headers={"Host": "evil.example"}).status_code == 400
    assert not target.exists()
