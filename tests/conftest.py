"""What several folders of tests need: builders of the ledger's values, a real PostgreSQL server."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import structlog
from builders import ledger

# As the product logs. structlog's default draws every local variable of every frame: a minute for
# one traceback with packets in it, on a busy machine.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.dev.ConsoleRenderer(colors=False),
    ]
)


def _program(name: str) -> str | None:
    """Debian keeps the server's programs out of PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name) or next((str(f / name) for f in folders if (f / name).exists()), None)


@pytest.fixture(scope="session")
def build() -> ModuleType:
    """The builders of `tests/builders/ledger.py`."""
    return ledger


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a PostgreSQL server of our own on a Unix socket; missing: skip, in CI fail."""
    initdb, server = _program("initdb"), _program("pg_ctl")
    if initdb is None or server is None:
        if os.environ.get("CI") == "true":
            pytest.fail("postgresql must be installed in CI")
        pytest.skip("postgresql is not installed")
    # PostgreSQL refuses to run as root, and its socket path must be short.
    user = "postgres" if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if user:
        shutil.chown(folder, user)

    def run(*command: str) -> None:
        subprocess.run(
            command, check=True, user=user, cwd=folder, timeout=60, stdout=subprocess.DEVNULL
        )

    run(initdb, "-D", str(folder / "db"), "-A", "trust", "-U", "skygrid", "-N")
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    run(server, "-D", str(folder / "db"), "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"postgresql://skygrid@/postgres?host={folder}"
    finally:
        run(server, "-D", str(folder / "db"), "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
