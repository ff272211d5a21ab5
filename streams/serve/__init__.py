"""Plays clip files as RTSP cameras on localhost, for the demo and for tests; never for production.

`aio-rtsp-toolkit` was tried first. It answers 461 to RTP over UDP, sends parameter sets only once,
stops at the end of a clip by default, and packs every fragment anew for every client, so it could
neither test the UDP path nor a change of resolution, nor feed many cameras cheaply.
"""

from streams.serve.process import RtspServer

__all__ = ["RtspServer"]
