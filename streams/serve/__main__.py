"""Runs the RTSP server: `python -m streams.serve --port 8554 gate=clip.mp4 yard=a.mp4+b.mp4`."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

from streams.errors import ServeError
from streams.serve.mount import Mount, MountSpec
from streams.serve.session import RtspSession

READY = "ready"


async def serve(host: str, port: int, specs: Sequence[MountSpec]) -> None:
    """Serve until SIGTERM or SIGINT; print one line when clients can connect."""
    mounts = {spec.name: Mount.load(spec) for spec in specs}

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await RtspSession(mounts, reader, writer).run()

    server = await asyncio.start_server(connected, host, port)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    print(READY, server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - the parent reads it
    await stop.wait()
    server.close()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m streams.serve", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8554, help="0 takes any free port")
    parser.add_argument("cameras", nargs="+", help="name=clip.mp4[+more.mp4][,stall_after=S]")
    chosen = parser.parse_args(arguments)
    try:
        specs = [MountSpec.parse(text) for text in chosen.cameras]
        asyncio.run(serve(chosen.host, chosen.port, specs))
    except (ServeError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - a command's own output
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
