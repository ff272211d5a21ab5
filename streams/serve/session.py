"""One client's RTSP conversation (RFC 2326): describe, set up over TCP or UDP, play, tear down."""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from streams.serve.mount import Mount, Send

IDLE_TIMEOUT_S = 90.0
_MAX_HEADER_BYTES = 16 * 1024
# A client that lets so much pile up is not reading: drop it rather than grow.
_MAX_UNSENT_BYTES = 8 * 1024 * 1024
_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN"
_keys = itertools.count(1)


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str]


class RtspSession:
    """Serves one TCP connection until the client leaves or falls silent."""

    def __init__(
        self,
        mounts: Mapping[str, Mount],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._mounts = mounts
        self._reader = reader
        self._writer = writer
        self._key = next(_keys)
        self._mount: Mount | None = None
        self._send: Send | None = None
        self._udp: tuple[socket.socket, socket.socket] | None = None

    async def run(self) -> None:
        """Answer requests until the end."""
        try:
            while (request := await self._request()) is not None:
                if not self._answer(request):
                    break
                await asyncio.wait_for(self._writer.drain(), IDLE_TIMEOUT_S)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, ValueError):
            pass  # the client is gone or talks nonsense: either way the session is over
        finally:
            self._close()

    def _close(self) -> None:
        if self._mount is not None:
            self._mount.leave(self._key)
        for port in self._udp or ():
            port.close()
        with suppress(OSError, RuntimeError):
            self._writer.close()

    async def _request(self) -> _Request | None:
        """Return the next request, passing over RTCP that comes interleaved."""
        while True:
            first = await asyncio.wait_for(self._reader.read(1), IDLE_TIMEOUT_S)
            if not first:
                return None
            if first == b"$":
                header = await self._reader.readexactly(3)
                await self._reader.readexactly(struct.unpack("!xH", header)[0])
                continue
            rest = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), IDLE_TIMEOUT_S)
            if len(rest) > _MAX_HEADER_BYTES:
                return None
            return await self._parse((first + rest).decode("latin-1"))

    async def _parse(self, text: str) -> _Request:
        first, *lines = text.strip().split("\r\n")
        method, url, _ = first.split(" ", 2)
        pairs = (line.partition(":")[::2] for line in lines)
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        length = min(int(headers.get("content-length", 0)), _MAX_HEADER_BYTES)
        if length:
            await self._reader.readexactly(length)
        return _Request(method, url, headers)

    def _answer(self, request: _Request) -> bool:
        """Answer one request; return whether the session goes on."""
        if request.method == "OPTIONS":
            self._reply(request, 200, {"Public": _METHODS})
        elif request.method == "DESCRIBE":
            self._describe(request)
        elif request.method == "SETUP":
            self._setup(request)
        elif request.method == "PLAY":
            self._play(request)
        elif request.method in ("PAUSE", "TEARDOWN"):
            if self._mount is not None:
                self._mount.leave(self._key)
            self._reply(request, 200)
            return request.method == "PAUSE"
        else:
            self._reply(request, 200)
        return True

    def _describe(self, request: _Request) -> None:
        mount = self._find(request.url)
        if mount is None:
            self._reply(request, 404)
        elif not _allowed(mount, request.headers):
            self._reply(request, 401, {"WWW-Authenticate": 'Basic realm="camera"'})
        else:
            base = request.url.rstrip("/") + "/"
            headers = {"Content-Base": base, "Content-Type": "application/sdp"}
            self._reply(request, 200, headers, mount.clip.sdp())

    def _setup(self, request: _Request) -> None:
        self._mount = self._find(request.url)
        if self._mount is None or not _allowed(self._mount, request.headers):
            self._reply(request, 404 if self._mount is None else 401)
            return
        transport = request.headers.get("transport", "")
        if "TCP" in transport.upper():
            channel = _first_number(transport, "interleaved")
            self._send = self._interleaved(channel)
            answer = f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}"
        else:
            port = _first_number(transport, "client_port")
            answer = self._open_udp(port)
        self._reply(request, 200, {"Transport": f"{answer};ssrc={self._mount.ssrc:08X}"})

    def _play(self, request: _Request) -> None:
        if self._mount is None or self._send is None:
            self._reply(request, 455)
            return
        self._reply(request, 200, {"Range": "npt=0.000-"})
        self._mount.join(self._key, self._send)

    def _interleaved(self, channel: int) -> Send:
        def send(packets: list[bytes]) -> bool:
            transport = self._writer.transport
            if transport.is_closing() or transport.get_write_buffer_size() > _MAX_UNSENT_BYTES:
                transport.abort()
                return False
            parts = (
                part for p in packets for part in (struct.pack("!cBH", b"$", channel, len(p)), p)
            )
            transport.write(b"".join(parts))
            return True

        return send

    def _open_udp(self, port: int) -> str:
        address = self._writer.get_extra_info("peername")[0]
        self._udp = _port_pair(self._writer.get_extra_info("sockname")[0])
        rtp, _ = self._udp

        def send(packets: list[bytes]) -> bool:
            for packet in packets:
                with suppress(OSError):  # a full buffer loses the packet, as a network would
                    rtp.sendto(packet, (address, port))
            return not self._writer.transport.is_closing()

        self._send = send
        own = rtp.getsockname()[1]
        return f"RTP/AVP;unicast;client_port={port}-{port + 1};server_port={own}-{own + 1}"

    def _find(self, url: str) -> Mount | None:
        path = unquote(urlsplit(url).path).strip("/").removesuffix("/track1")
        return self._mounts.get(path)

    def _reply(
        self,
        request: _Request,
        status: int,
        headers: Mapping[str, str] | None = None,
        body: str = "",
    ) -> None:
        words = {200: "OK", 401: "Unauthorized", 404: "Not Found", 455: "Method Not Valid"}
        lines = [f"RTSP/1.0 {status} {words[status]}", f"CSeq: {request.headers.get('cseq', '0')}"]
        lines += [f"Session: {self._key:08d};timeout={IDLE_TIMEOUT_S:.0f}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1"))


def _allowed(mount: Mount, headers: Mapping[str, str]) -> bool:
    if not mount.spec.account:
        return True
    wanted = "Basic " + base64.b64encode(mount.spec.account.encode()).decode()
    return headers.get("authorization") == wanted


def _first_number(transport: str, key: str) -> int:
    found = re.search(rf"{key}=(\d+)", transport)
    if found is None:
        raise ValueError(f"transport must name {key}, got {transport!r}")
    return int(found.group(1))


def _port_pair(host: str) -> tuple[socket.socket, socket.socket]:
    """Return two UDP sockets on an even port and the next one, as RFC 3550 §11 asks."""
    for _ in range(50):
        rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        rtp.bind((host, 0))
        rtp.setblocking(False)
        port = rtp.getsockname()[1]
        if port % 2 == 0:
            rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            with suppress(OSError):
                rtcp.bind((host, port + 1))
                return rtp, rtcp
            rtcp.close()
        rtp.close()
    raise OSError("no free pair of UDP ports")
