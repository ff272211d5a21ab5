"""Serves one clip at rtsp://127.0.0.1:PORT/cam with GStreamer; run by the system's Python.

    python3 gst_server.py CLIP PORT h264|h265

Needs Debian's python3-gi, gir1.2-gst-rtsp-server-1.0 and gstreamer1.0-plugins-good and -bad. One
media is shared by all clients, so that hundreds of cameras cost almost nothing to send.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402  (the versions come first)


def main() -> None:
    """Serve until killed."""
    clip, port, codec = sys.argv[1:4]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f'( filesrc location="{clip}" ! qtdemux ! {codec}parse config-interval=-1 '
        f"! rtp{codec}pay name=pay0 pt=96 )"
    )
    factory.set_shared(True)
    server.get_mount_points().add_factory("/cam", factory)
    server.attach(None)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


main()
