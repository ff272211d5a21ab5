"""The private Redis server: started, killed, orphaned, refused twice, damaged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from pipeline.queue.embedded import EmbeddedRedis, server_binary
from pipeline.queue.errors import DataDirInUse, EmbeddedRedisError
from pipeline.queue.lock import DataDirLock

pytestmark = pytest.mark.redis
NewRedis = Callable[..., EmbeddedRedis]
ROOT = Path(__file__).parents[3]


def client(server: EmbeddedRedis) -> redis.Redis:
    return redis.Redis.from_url(server.url, decode_responses=True, socket_timeout=5)


def gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def test_data_survives_a_clean_stop(new_redis: NewRedis) -> None:
    server = new_redis()
    server.start()
    pid = server.pid
    assert pid is not None
    with client(server) as c:
        c.set("kept", "1")
    server.stop()
    server.stop()
    assert server.pid is None
    assert gone(pid)
    server.start()
    with client(server) as c:
        assert c.get("kept") == "1"


def test_a_killed_server_comes_back_with_its_data(redis_server: EmbeddedRedis) -> None:
    with client(redis_server) as c:
        c.set("kept", "1")
        pid = redis_server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + 20
        while redis_server.pid in (None, pid) and time.monotonic() < until:
            time.sleep(0.02)
    assert redis_server.restarts == 1
    with client(redis_server) as c:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                assert c.get("kept") == "1"
                break
            except redis.ConnectionError:
                time.sleep(0.02)


def test_a_second_patrol_is_refused(redis_server: EmbeddedRedis, new_redis: NewRedis) -> None:
    second = new_redis(redis_server.folder.parent)
    with pytest.raises(DataDirInUse, match=f"in use by process {os.getpid()}"):
        second.start()
    assert client(redis_server).ping()


def test_the_server_of_a_killed_patrol_is_ended_first(new_redis: NewRedis, tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from pipeline.queue.embedded import EmbeddedRedis\n"
        "import redis\n"
        "server = EmbeddedRedis(Path(sys.argv[1])); server.start()\n"
        "redis.Redis.from_url(server.url).set('kept', '1')\n"
        "print(server.pid, flush=True); os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "data")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    orphan = int(killed.stdout)
    server = new_redis()
    server.start()
    assert gone(orphan)
    with client(server) as c:
        assert c.get("kept") == "1"


def test_a_recycled_process_id_is_left_alone(new_redis: NewRedis, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "redis"
    folder.mkdir(parents=True)
    (folder / "redis.pid").write_text(str(os.getpid()))
    (folder / "redis.sock").write_text("stale")
    new_redis().start()


def test_a_long_path_uses_a_short_socket(new_redis: NewRedis, tmp_path: Path) -> None:
    server = new_redis(tmp_path / ("long" * 30))
    server.start()
    assert len(server.url) < 110
    with client(server) as c:
        assert c.ping()


def test_a_tcp_port_is_on_this_machine_only(new_redis: NewRedis, tmp_path: Path) -> None:
    port = _free_port()
    new_redis(tmp_path / "tcp", port=port).start()
    with redis.Redis(port=port, decode_responses=True) as c:
        assert c.config_get("bind") == {"bind": "127.0.0.1"}


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_broken_file_is_set_aside(new_redis: NewRedis, tmp_path: Path) -> None:
    server = new_redis()
    server.start()
    with client(server) as c:
        for n in range(20):
            c.set(f"k{n}", "x" * 50)
    server.stop()
    aof = tmp_path / "data" / "redis" / "appendonly.aof"
    content = bytearray(aof.read_bytes())
    content[200:260] = b"\x00" * 60
    aof.write_bytes(content)
    server.start()
    assert client(server).ping()
    assert list(aof.parent.glob("appendonly.aof.broken-*"))


def test_a_folder_that_cannot_be_one_is_a_clear_error(new_redis: NewRedis, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(EmbeddedRedisError, match="must be writable"):
        new_redis().start()


def test_no_binary_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(EmbeddedRedisError, match="redis-server must be installed"):
        server_binary()


def test_the_lock_ends_with_its_holder(tmp_path: Path) -> None:
    with DataDirLock(tmp_path), pytest.raises(DataDirInUse):
        DataDirLock(tmp_path).acquire()
    DataDirLock(tmp_path).acquire()
