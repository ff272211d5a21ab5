"""A simulated ONVIF device: real SOAP over HTTP on localhost, in front of a simulated head.

It speaks the part of ONVIF that a patrol needs (device, media and PTZ services, WS-Security user
name tokens) and is what the ONVIF head is tested against. Opens a socket when started.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from streams.ptz.head import HeadPreset, HeadRefused, Pointing, ViewStep
from streams.ptz.simulated import SimulatedHead

_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_VER10 = "http://www.onvif.org/ver10"
_NAMESPACES = (
    f'xmlns:s="{_SOAP}" xmlns:tds="{_VER10}/device/wsdl" xmlns:trt="{_VER10}/media/wsdl" '
    f'xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl" xmlns:tt="{_VER10}/schema"'
)
_MAX_REQUEST = 65_536
_OPEN = {"GetSystemDateAndTime"}
"""Operations that ONVIF lets anybody call."""


@dataclass(slots=True)
class SoapDevice:
    """Serves a simulated head as an ONVIF device; a context manager.

    Attributes:
        head: What it moves.
        user: Account that may move it; empty lets everybody.
        password: Of the account.
        fov_moves: Whether it offers moves relative to the picture.
        requests: Names of the operations called, newest last, at most 1000.
    """

    head: SimulatedHead
    user: str = "admin"
    password: str = "skygrid"
    fov_moves: bool = True
    requests: list[str] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None
    _thread: threading.Thread | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> SoapDevice:
        device = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_POST(self) -> None:
                length = min(int(self.headers.get("Content-Length", 0)), _MAX_REQUEST)
                status, body = device.answer(self.rfile.read(length))
                self.send_response(status)
                self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """The device keeps no log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server and self._thread:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(5)

    @property
    def port(self) -> int:
        """Where it listens."""
        if self._server is None:
            raise HeadRefused("device must be started before its port is known")
        return int(self._server.server_address[1])

    def answer(self, request: bytes) -> tuple[int, bytes]:
        """(HTTP status, SOAP envelope) for a SOAP envelope."""
        try:
            envelope = ElementTree.fromstring(request)
            body = envelope.find(f"{{{_SOAP}}}Body")
            call = body[0] if body is not None and len(body) else None
        except ElementTree.ParseError:
            call = None
        if call is None:
            return 400, _fault("Sender", "request must be a SOAP envelope with a body")
        name = call.tag.rpartition("}")[2]
        with self._lock:
            self.requests.append(name)
            del self.requests[:-1000]
            if name not in _OPEN and not self._is_allowed(envelope):
                return 400, _fault("Sender", "Sender not Authorized")
            operation = self._operations().get(name)
            if operation is None:
                return 400, _fault("Receiver", f"Action {name} not implemented")
            try:
                return 200, _envelope(operation(call))
            except HeadRefused as error:
                return 400, _fault("Sender", str(error))

    def _is_allowed(self, envelope: ElementTree.Element) -> bool:
        """WS-Security UsernameToken with digest: base64(sha1(nonce + created + password))."""
        if not self.user:
            return True
        token = envelope.find(f".//{{{_WSSE}}}UsernameToken")
        if token is None or token.findtext(f"{{{_WSSE}}}Username") != self.user:
            return False
        nonce = base64.b64decode(token.findtext(f"{{{_WSSE}}}Nonce") or "")
        created = token.findtext(f"{{{_WSU}}}Created") or ""
        digest = hashlib.sha1(nonce + created.encode() + self.password.encode())
        return token.findtext(f"{{{_WSSE}}}Password") == base64.b64encode(digest.digest()).decode()

    def _operations(self) -> dict[str, Callable[[ElementTree.Element], str]]:
        return {
            "GetSystemDateAndTime": lambda _: _time(),
            "GetServices": lambda _: self._services(),
            "GetProfiles": lambda _: _PROFILES,
            "GetConfigurationOptions": lambda _: self._options(),
            "GetPresets": lambda _: self._presets(),
            "GetStatus": lambda _: self._status(),
            "GotoPreset": self._goto,
            "RelativeMove": self._relative,
            "AbsoluteMove": self._absolute,
            "SetPreset": self._store,
            "Stop": self._stop,
        }

    def _services(self) -> str:
        url = f"http://127.0.0.1:{self.port}/onvif"
        spaces = (
            f"{_VER10}/device/wsdl",
            f"{_VER10}/media/wsdl",
            "http://www.onvif.org/ver20/ptz/wsdl",
        )
        rows = (
            f"<tds:Service><tds:Namespace>{space}</tds:Namespace><tds:XAddr>{url}</tds:XAddr>"
            "<tds:Version><tt:Major>2</tt:Major><tt:Minor>6</tt:Minor></tds:Version></tds:Service>"
            for space in spaces
        )
        return f"<tds:GetServicesResponse>{''.join(rows)}</tds:GetServicesResponse>"

    def _options(self) -> str:
        fov = _space("RelativePanTiltTranslationSpace", "PanTiltSpaces/TranslationSpaceFov", True)
        spaces = [
            _space("AbsolutePanTiltPositionSpace", "PanTiltSpaces/PositionGenericSpace", True),
            _space("AbsoluteZoomPositionSpace", "ZoomSpaces/PositionGenericSpace", False),
            fov if self.fov_moves else "",
        ]
        return (
            "<tptz:GetConfigurationOptionsResponse><tptz:PTZConfigurationOptions>"
            f"<tt:Spaces>{''.join(spaces)}</tt:Spaces>"
            "<tt:PTZTimeout><tt:Min>PT0S</tt:Min><tt:Max>PT10S</tt:Max></tt:PTZTimeout>"
            "</tptz:PTZConfigurationOptions></tptz:GetConfigurationOptionsResponse>"
        )

    def _presets(self) -> str:
        rows = "".join(_preset(preset) for preset in self.head.presets())
        return f"<tptz:GetPresetsResponse>{rows}</tptz:GetPresetsResponse>"

    def _status(self) -> str:
        status = self.head.status()
        state = {True: "MOVING", False: "IDLE", None: "UNKNOWN"}[status.moving]
        position = _position("Position", status.pointing or Pointing(0, 0, 0))
        return (
            f"<tptz:GetStatusResponse><tptz:PTZStatus>{position}"
            f"<tt:MoveStatus><tt:PanTilt>{state}</tt:PanTilt><tt:Zoom>{state}</tt:Zoom>"
            f"</tt:MoveStatus><tt:UtcTime>{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}</tt:UtcTime>"
            "</tptz:PTZStatus></tptz:GetStatusResponse>"
        )

    def _goto(self, call: ElementTree.Element) -> str:
        self.head.goto(_text(call, "PresetToken"))
        return "<tptz:GotoPresetResponse/>"

    def _relative(self, call: ElementTree.Element) -> str:
        if not self.fov_moves:
            raise HeadRefused("relative moves must name a supported space")
        x, y = _xy(call, "PanTilt")
        zoom, _ = _xy(call, "Zoom")
        self.head.step(ViewStep(x / 2, -y / 2, max(0.1, 1 + 10 * zoom)))
        return "<tptz:RelativeMoveResponse/>"

    def _absolute(self, call: ElementTree.Element) -> str:
        x, y = _xy(call, "PanTilt")
        zoom, _ = _xy(call, "Zoom")
        self.head.point(Pointing(x, y, zoom))
        return "<tptz:AbsoluteMoveResponse/>"

    def _store(self, call: ElementTree.Element) -> str:
        name = _text(call, "PresetName") or "preset"
        token = _text(call, "PresetToken") or f"preset-{len(self.head.stored) + 1}"
        self.head.store(token, name)
        return (
            f"<tptz:SetPresetResponse><tptz:PresetToken>{escape(token)}</tptz:PresetToken>"
            "</tptz:SetPresetResponse>"
        )

    def _stop(self, _call: ElementTree.Element) -> str:
        self.head.stop()
        return "<tptz:StopResponse/>"


_PROFILES = (
    '<trt:GetProfilesResponse><trt:Profiles token="main" fixed="true"><tt:Name>main</tt:Name>'
    '<tt:PTZConfiguration token="ptz"><tt:Name>ptz</tt:Name><tt:UseCount>1</tt:UseCount>'
    "<tt:NodeToken>node</tt:NodeToken></tt:PTZConfiguration></trt:Profiles>"
    "</trt:GetProfilesResponse>"
)


def _time() -> str:
    now = datetime.now(UTC)
    return (
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime>"
        "<tt:DateTimeType>NTP</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>"
        f"<tt:UTCDateTime><tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute>"
        f"<tt:Second>{now.second}</tt:Second></tt:Time><tt:Date><tt:Year>{now.year}</tt:Year>"
        f"<tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day></tt:Date></tt:UTCDateTime>"
        "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )


def _space(tag: str, uri: str, turns: bool) -> str:
    low = -1 if turns else 0
    y_range = f"<tt:YRange><tt:Min>{low}</tt:Min><tt:Max>1</tt:Max></tt:YRange>" if turns else ""
    return (
        f"<tt:{tag}><tt:URI>{_VER10}/tptz/{uri}</tt:URI>"
        f"<tt:XRange><tt:Min>{low}</tt:Min><tt:Max>1</tt:Max></tt:XRange>{y_range}</tt:{tag}>"
    )


def _preset(preset: HeadPreset) -> str:
    where = _position("PTZPosition", preset.pointing) if preset.pointing else ""
    return (
        f"<tptz:Preset token={quoteattr(preset.token)}><tt:Name>{escape(preset.name)}</tt:Name>"
        f"{where}</tptz:Preset>"
    )


def _position(tag: str, at: Pointing) -> str:
    return (
        f'<tt:{tag}><tt:PanTilt x="{at.pan:.6f}" y="{at.tilt:.6f}"/>'
        f'<tt:Zoom x="{at.zoom:.6f}"/></tt:{tag}>'
    )


def _text(call: ElementTree.Element, name: str) -> str:
    return next((e.text or "" for e in call.iter() if e.tag.rpartition("}")[2] == name), "")


def _xy(call: ElementTree.Element, name: str) -> tuple[float, float]:
    found = next((e for e in call.iter() if e.tag.rpartition("}")[2] == name), None)
    if found is None:
        return 0.0, 0.0
    return float(found.get("x", 0)), float(found.get("y", 0))


def _envelope(body: str) -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope {_NAMESPACES}>'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def _fault(code: str, reason: str) -> bytes:
    return _envelope(
        f"<s:Fault><s:Code><s:Value>s:{code}</s:Value></s:Code><s:Reason>"
        f'<s:Text xml:lang="en">{escape(reason)}</s:Text></s:Reason></s:Fault>'
    )
