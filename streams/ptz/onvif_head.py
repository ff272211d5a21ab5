"""Turns a real head by ONVIF (Profile S, PTZ service), through the `onvif-zeep-async` library.

The library is an extra (`skygrid[ptz]`) and asynchronous; a private event loop in one thread
makes it a blocking port with a timeout on every call.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from streams.ptz.head import (
    HeadPreset,
    HeadRefused,
    HeadStatus,
    HeadUnreachable,
    Pointing,
    ViewStep,
)

T = TypeVar("T")

FOV_SPACE = "http://www.onvif.org/ver10/tptz/PanTiltSpaces/TranslationSpaceFov"
"""Translation measured in the picture: -1..1 is one half of the field of view to each side."""

ZOOM_TRANSLATION = "http://www.onvif.org/ver10/tptz/ZoomSpaces/TranslationGenericSpace"


@dataclass(frozen=True, slots=True, repr=False)
class OnvifAddress:
    """Where the device is and who asks; its `repr` hides the password.

    Attributes:
        host: Name or address.
        port: Of its ONVIF service, often 80.
        user: Account in the device.
        password: Of the account.
        timeout_s: For every call.
        behind_nat: The device calls itself by an address that cannot be reached from here.
    """

    host: str
    port: int = 80
    user: str = ""
    password: str = ""
    timeout_s: float = 5.0
    behind_nat: bool = False

    def __repr__(self) -> str:
        return f"OnvifAddress({self.host}:{self.port})"


class OnvifHead:
    """A `PtzHead` behind ONVIF; a context manager.

    Args:
        address: Of the device.

    Raises:
        HeadUnreachable: No answer, or not ONVIF.
        HeadRefused: Wrong account, or the device has no head.
    """

    def __init__(self, address: OnvifAddress) -> None:
        self._address = address
        make = _library()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._camera: Any = None
        try:
            self._call(self._connect(make), timeout_s=4 * address.timeout_s)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> OnvifHead:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def can_step(self) -> bool:
        """Whether the device moves relative to its picture (translation in the field of view)."""
        return self._has_fov_space

    def presets(self) -> tuple[HeadPreset, ...]:
        """See `PtzHead.presets`."""
        found = self._ask(lambda ptz: ptz.GetPresets({"ProfileToken": self._profile}))
        return tuple(
            HeadPreset(str(p.token), str(p.Name or p.token), _pointing(p.PTZPosition))
            for p in found or ()
        )

    def goto(self, token: str) -> None:
        """See `PtzHead.goto`."""
        what = {"ProfileToken": self._profile, "PresetToken": token}
        self._ask(lambda ptz: ptz.GotoPreset(what))

    def status(self) -> HeadStatus:
        """See `PtzHead.status`."""
        status = self._ask(lambda ptz: ptz.GetStatus({"ProfileToken": self._profile}))
        said = getattr(status, "MoveStatus", None)
        states = {str(getattr(said, axis, None)).upper() for axis in ("PanTilt", "Zoom")}
        moving = "MOVING" in states if states & {"MOVING", "IDLE"} else None
        return HeadStatus(_pointing(getattr(status, "Position", None)), moving)

    def step(self, step: ViewStep) -> None:
        """See `PtzHead.step`; HeadRefused when the device cannot."""
        if not self.can_step:
            raise HeadRefused(f"head {self._address.host} must offer field-of-view moves to step")
        turn = {"x": 2 * step.right, "y": -2 * step.down, "space": FOV_SPACE}
        zoom = {"x": max(-1.0, min(1.0, (step.closer - 1.0) / 10.0)), "space": ZOOM_TRANSLATION}
        what = {"ProfileToken": self._profile, "Translation": {"PanTilt": turn, "Zoom": zoom}}
        self._ask(lambda ptz: ptz.RelativeMove(what))

    def stop(self) -> None:
        """See `PtzHead.stop`."""
        what = {"ProfileToken": self._profile, "PanTilt": True, "Zoom": True}
        self._ask(lambda ptz: ptz.Stop(what))

    def close(self) -> None:
        """Close the connections and end the thread; never raises."""
        if not self._loop.is_running():
            return
        if self._camera is not None:
            with contextlib.suppress(Exception):
                self._call(self._camera.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(self._address.timeout_s)
        if not self._thread.is_alive():
            self._loop.close()

    async def _connect(self, make: Callable[..., Any]) -> None:
        a = self._address
        self._camera = make(
            a.host, a.port, a.user or None, a.password or None,
            adjust_time=True, nat_override=a.behind_nat,
        )  # fmt: skip
        await self._camera.update_xaddrs()
        media = await self._camera.create_media_service()
        profiles = await media.GetProfiles()
        heads = [p for p in profiles or () if getattr(p, "PTZConfiguration", None) is not None]
        if not heads:
            raise HeadRefused(f"device {a.host} must have a profile with a head, got none")
        self._profile = heads[0].token
        self._ptz = await self._camera.create_ptz_service()
        self._has_fov_space = await self._offers_fov(heads[0].PTZConfiguration.token)

    async def _offers_fov(self, configuration: str) -> bool:
        options = await self._ptz.GetConfigurationOptions({"ConfigurationToken": configuration})
        spaces = getattr(options.Spaces, "RelativePanTiltTranslationSpace", None) or ()
        return any(space.URI == FOV_SPACE for space in spaces)

    def _ask(self, request: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
        async def asked() -> Any:
            return await request(self._ptz)

        return self._call(asked())

    def _call(self, work: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Run on the private loop, with a timeout, foreign errors turned into the port's."""
        limit = timeout_s or self._address.timeout_s
        waiting = asyncio.run_coroutine_threadsafe(work, self._loop)
        where = f"head {self._address.host}:{self._address.port}"
        try:
            return waiting.result(limit)
        except (HeadRefused, HeadUnreachable):
            raise
        except TimeoutError as error:
            waiting.cancel()
            raise HeadUnreachable(f"{where} must answer within {limit:g} s") from error
        except Exception as error:
            raise _translated(error, where) from error


def _library() -> Callable[..., Any]:
    """The library's camera class, imported before any clock runs: it loads hundreds of types."""
    try:
        from onvif import ONVIFCamera  # type: ignore[import-untyped]
    except ImportError as error:
        reason = "ONVIF needs the extra `skygrid[ptz]`, which is not installed"
        raise HeadRefused(reason) from error
    return cast("Callable[..., Any]", ONVIFCamera)


def _translated(error: Exception, where: str) -> HeadRefused | HeadUnreachable:
    """The port's error for one of zeep's, aiohttp's or the library's."""
    name = type(error).__name__
    if name in ("Fault", "ONVIFAuthError"):
        return HeadRefused(f"{where} refused: {str(error)[:200]}")
    return HeadUnreachable(f"{where} cannot be talked to ({name})")


def _pointing(position: Any) -> Pointing | None:
    turn, zoom = getattr(position, "PanTilt", None), getattr(position, "Zoom", None)
    if turn is None:
        return None
    return Pointing(float(turn.x), float(turn.y), float(zoom.x) if zoom is not None else 0.0)
