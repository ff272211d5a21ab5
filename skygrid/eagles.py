"""Wires an eagle-eye: its head, its tour's memory, and where its health events go."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2

from pipeline.engine.eagle import EagleEye, EaglePorts
from pipeline.engine.metrics import PatrolMetrics
from pipeline.engine.preset import PresetView
from pipeline.site.settings import CameraSettings, Site
from pipeline.stills import StillWriter
from pipeline.tour.keep import TourKeeper
from pipeline.tour.settings import TourSettings
from pipeline.tour.tour import Tour
from pipeline.tour.values import ImageArray, TourFault
from streams.camera import Camera
from streams.ptz.head import PtzHead
from streams.ptz.lasting import LastingHead

_JPEG_QUALITY = 85


def make_eagle(
    site: Site,
    settings: CameraSettings,
    camera: Camera,
    views: Mapping[str, PresetView],
    ports: EaglePorts,
) -> EagleEye:
    """An eagle-eye that takes up what an earlier run knew of its presets and visits."""
    assert settings.tour is not None
    keeper = TourKeeper(site.data_dir / "tours" / settings.id)
    tour = Tour(
        settings.id, settings.tour, head_of(settings.tour), keeper.references(settings.tour)
    )
    tour.resume(keeper.visits())
    return EagleEye(camera, tour, views, ports, keeper)


def head_of(tour: TourSettings) -> PtzHead | None:
    """The head of a tour that SkyGrid drives, not yet connected; None for the device's own."""
    if tour.driver == "device":
        return None

    def connect() -> PtzHead:
        from streams.ptz.onvif_head import OnvifAddress, OnvifHead

        secret = tour.password.get_secret_value()
        return OnvifHead(OnvifAddress(tour.host, tour.port, tour.user, secret))

    return LastingHead(connect)


def fault_reporter(stills: StillWriter, metrics: PatrolMetrics) -> Callable[[TourFault], None]:
    """Counts a fault and keeps its two pictures for the camera wall."""

    def report(fault: TourFault) -> None:
        metrics.preset_faults.labels(fault.view.camera_id, fault.kind.value).inc()
        if fault.reference is not None:
            stills.write_fault(fault.view, "reference", _encoded(fault.reference))
        if fault.picture is not None:
            stills.write_fault(fault.view, "seen", _encoded(fault.picture))

    return report


def _encoded(image: ImageArray) -> bytes:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return bytes(data)
