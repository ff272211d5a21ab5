import socket
import struct
import threading
import time
from contextlib import suppress

import pytest

from streams.serve import RtspServer
from streams.source import SourceOptions, open_source
from streams.testcard import TestCard, write_test_card

SMALL = (160, 96)
CARDS = {
    "plain": TestCard(size=SMALL, duration_s=2.0),
    "b_frames": TestCard(size=SMALL, duration_s=2.0, b_frames=3),
    "hevc": TestCard(codec="hevc", size=SMALL, duration_s=2.0),
    "hevc_b_frames": TestCard(codec="hevc", size=SMALL, duration_s=2.0, b_frames=3),
    "variable": TestCard(
        size=SMALL, gop=8, times_s=[t / 25 + (t // 10) * 0.9 + (t % 3) * 0.007 for t in range(40)]
    ),
    "large": TestCard(size=(320, 192), duration_s=2.0),
    "black": TestCard(size=SMALL, duration_s=1.0, gop=5, brightness=0.0),
    "rare_keyframes": TestCard(size=SMALL, duration_s=14.0, gop=150),
    "endless_gop": TestCard(size=SMALL, duration_s=8.0, gop=100_000),
}


def pytest_collection_modifyitems(items):
    for item in items:
        if {"serve", "street"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("rtsp")


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """Return the path of a test card by name, written once."""
    folder = tmp_path_factory.mktemp("cards")

    def get(name):
        path = folder / f"{name}.mp4"
        if not path.exists():
            write_test_card(folder / f"part-{name}.mp4", CARDS[name]).rename(path)
        return path

    return get


@pytest.fixture
def read_packets():
    def read(path):
        with open_source("gate", str(path), SourceOptions(pace="fast")) as source:
            return list(source)

    return read


@pytest.fixture
def serve():
    """Start RTSP servers and stop them after the test."""
    running = []

    def start(**cameras):
        running.append(RtspServer(cameras).start())
        return running[-1]

    yield start
    for server in running:
        server.stop()


@pytest.fixture(scope="session")
def street(clip):
    """One server for all tests that leave it as it is; a camera plays from its beginning anew."""
    plain = clip("plain")
    cameras = {name: clip(name) for name in CARDS}
    cameras |= {f"good-{i}": plain for i in range(7)}
    cameras |= {
        "stalls": f"{plain},stall_after=0.5",
        "jumps": f"{plain},jump_after=1",
        "garbage": f"{plain},garbage",
        "lossy": f"{clip('large')},loss=0.2",
        "grows": f"{plain}+{clip('large')}",
        "locked": f"{plain},account=guard:right",
    }
    with RtspServer(cameras) as server:
        yield server


@pytest.fixture
def until():
    """Wait until something holds, and fail when it does not in time."""

    def wait(holds, timeout_s=10.0):
        deadline_s = time.monotonic() + timeout_s
        while not holds():
            assert time.monotonic() < deadline_s, "it did not happen in time"
            time.sleep(0.02)

    return wait


@pytest.fixture
def trickle():
    """Listen like a camera that describes itself and then sends bytes that are no pictures."""
    servers = []

    def start(describe=True):
        servers.append(_Trickle(describe))
        return servers[-1].port

    yield start
    for server in servers:
        server.close()


class _Trickle:
    """Answers RTSP politely, or not at all, and then trickles empty RTP packets."""

    def __init__(self, describe):
        self._describe = describe
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._over = threading.Event()
        self._open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._over.set()
        for connection in (self._listener, *self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self):
        with suppress(OSError):
            while not self._over.is_set():
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        sdp = (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
            "a=rtpmap:96 H264/90000\r\na=control:track1\r\n"
        )
        with suppress(OSError, IndexError):
            while self._describe:
                request = connection.recv(4096).decode()
                method = request.split()[0]
                cseq = request.split("CSeq: ")[1].split()[0]
                extra, body = "Session: 1\r\n", ""
                if method == "DESCRIBE":
                    extra, body = f"Content-Length: {len(sdp)}\r\n", sdp
                elif method == "SETUP":
                    extra += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
                head = f"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n{extra}\r\n"
                connection.sendall((head + body).encode())
                if method == "PLAY":
                    break
            number = 0
            while not self._over.wait(0.05):
                number += 1
                rtp = (
                    struct.pack("!BBHII", 0x80, 96, number & 0xFFFF, 3600 * number, 1) + b"\x0c\xff"
                )
                connection.sendall(struct.pack("!cBH", b"$", 0, len(rtp)) + rtp)
