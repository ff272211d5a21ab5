"""Serves one clip for ever at rtsp://127.0.0.1:PORT/cam with GStreamer; run by the system's Python.

    python3 gst_server.py CLIP PORT h264|h265

Needs Debian's python3-gi, gir1.2-gst-rtsp-server-1.0 and gstreamer1.0-plugins-good and -bad. One
media is shared by all clients, so that hundreds of cameras cost almost nothing to send. It is fed
live from memory: a file could be sought, and then every client that joins would set all back.
"""

import sys
import threading
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstApp, GstRtspServer  # noqa: E402  (versions first)


def main() -> None:
    """Serve until killed."""
    clip, port, codec = sys.argv[1:4]
    Gst.init(None)
    caps, units = read(clip, codec)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        "( appsrc name=camera is-live=true do-timestamp=true format=time max-bytes=20000000 "
        f"! {codec}parse config-interval=-1 ! rtp{codec}pay name=pay0 pt=96 )"
    )
    factory.set_shared(True)
    factory.connect("media-configure", configure, caps, units)
    server.get_mount_points().add_factory("/cam", factory)
    server.attach(None)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


def read(clip: str, codec: str) -> tuple["Gst.Caps", list[tuple[float, bytes]]]:
    """Caps, and each picture's time in seconds and bytes."""
    pipeline = Gst.parse_launch(
        f'filesrc location="{clip}" ! qtdemux ! {codec}parse config-interval=-1 '
        f"! video/x-{codec},stream-format=byte-stream,alignment=au ! appsink name=out sync=false"
    )
    sink, units, caps = pipeline.get_by_name("out"), [], None
    pipeline.set_state(Gst.State.PLAYING)
    while (sample := sink.emit("pull-sample")) is not None:
        buffer, caps = sample.get_buffer(), sample.get_caps()
        units.append((buffer.pts / Gst.SECOND, buffer.extract_dup(0, buffer.get_size())))
    pipeline.set_state(Gst.State.NULL)
    return caps, units


def configure(
    _: object,
    media: "GstRtspServer.RTSPMedia",
    caps: "Gst.Caps",
    units: list[tuple[float, bytes]],
) -> None:
    """Feed a media from its first client on, until its last one has gone."""
    camera = media.get_element().get_by_name("camera")
    camera.set_property("caps", caps)
    gone = threading.Event()
    media.connect("unprepared", lambda *_: gone.set())
    threading.Thread(target=feed, args=(camera, units, gone), daemon=True).start()


def feed(camera: "GstApp.AppSrc", units: list[tuple[float, bytes]], gone: threading.Event) -> None:
    """Push each picture when it is due, the clip again and again."""
    first_s, step_s = units[0][0], units[1][0] - units[0][0]
    length_s = units[-1][0] + step_s - first_s
    began_s = time.monotonic()
    while True:
        for at_s, data in units:
            if gone.wait(max(0.0, began_s + at_s - first_s - time.monotonic())):
                return
            camera.emit("push-buffer", Gst.Buffer.new_wrapped(data))
        began_s += length_s


main()
