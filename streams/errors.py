"""What can go wrong with a camera.

StreamError
├── SourceUnavailable   cannot be opened or reached: retry later
├── SourceStalled       no packet within the read timeout
├── SourceEnded         a file came to its end, or the camera closed the session
├── DecodeError         compressed bytes that the decoder refuses
├── ClipError           packets that cannot be written as a clip, or a disk that refuses it
└── ServeError          the RTSP server for demo and tests cannot play a clip or be started
"""


class StreamError(Exception):
    """Base of everything this folder raises; the message never holds credentials."""


class SourceUnavailable(StreamError):
    """The source cannot be opened; trying again later may help."""


class SourceStalled(StreamError):
    """No packet arrived within the read timeout."""


class SourceEnded(StreamError):
    """The source came to its end."""


class DecodeError(StreamError):
    """The decoder refused the compressed bytes."""


class ClipError(StreamError):
    """These packets cannot be written as a clip, or the disk refused it."""


class ServeError(StreamError):
    """The RTSP server cannot play a clip or cannot be started."""
