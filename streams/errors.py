"""What can go wrong with a camera.

StreamError
├── SourceUnavailable   cannot be opened or reached: retry later
├── SourceStalled       no packet within the read timeout
├── SourceEnded         a file came to its end, or the camera closed the session
└── DecodeError         compressed bytes that the decoder refuses
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
