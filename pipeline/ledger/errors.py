"""What can go wrong with the ledger.

LedgerError
├── LedgerUnavailable     nothing was written: spool and try again
│   ├── LedgerBusy        another writer held the database longer than the timeout
│   └── LedgerFull        the disk or the quota is full, or the file cannot be written
├── LedgerCorrupt         the database or its schema is not what this version expects
├── LedgerRefused         these values can never be written: trying again is useless
│   └── SightingRefused   the sighting breaks its own rules, e.g. a time without a zone
├── UnknownIncident       no incident has this id
├── UnknownSighting       no sighting has this id
└── SpoolError            the spool on disk cannot be written or read
"""


class LedgerError(Exception):
    """Base of everything this folder raises; the message never holds credentials."""


class LedgerUnavailable(LedgerError):
    """The database took nothing; the same call may succeed later."""


class LedgerBusy(LedgerUnavailable):
    """Another writer held the database for longer than the timeout."""


class LedgerFull(LedgerUnavailable):
    """The database cannot grow or cannot be written: full disk, quota, read-only file system."""


class LedgerCorrupt(LedgerError):
    """The database or its schema is damaged, or newer than this version."""


class LedgerRefused(LedgerError):
    """These values can never be written: too long, of the wrong kind, or there already."""


class SightingRefused(LedgerRefused):
    """The sighting breaks its own rules: a time without a zone, a negative sequence."""


class UnknownIncident(LedgerError):
    """No incident has this id."""


class UnknownSighting(LedgerError):
    """No sighting has this id."""


class SpoolError(LedgerError):
    """The spool on disk cannot be written or read."""
