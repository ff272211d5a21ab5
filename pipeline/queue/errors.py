"""What can go wrong with the event bus.

BusError
├── BusUnavailable     cannot be reached, is loading or refuses writes: try again later
├── BusMisused         the key holds something else, or the server is too old
└── EmbeddedRedisError the private server cannot be started
    └── DataDirInUse   another patrol runs on the same data directory
"""


class BusError(Exception):
    """Base of everything this folder raises; the message never holds credentials."""


class BusUnavailable(BusError):
    """The bus cannot be reached, is loading its data or refuses writes; try again later."""


class BusMisused(BusError):
    """The bus answered that the request makes no sense: wrong key type, unknown command."""


class EmbeddedRedisError(BusError):
    """The private Redis server cannot be started."""


class DataDirInUse(EmbeddedRedisError):
    """Another patrol runs on the same data directory."""
