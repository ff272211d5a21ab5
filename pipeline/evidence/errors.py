"""What can go wrong with evidence.

EvidenceError
├── EvidenceUnavailable   full, read-only or broken disk: the incident goes on without the file
├── EvidenceRefused       the name or the record asked for is not acceptable
└── CutFailed             whoever writes the file could not make it
"""


class EvidenceError(Exception):
    """Base of everything this folder raises."""


class EvidenceUnavailable(EvidenceError):
    """The disk takes no evidence now; nothing was kept, and a later call may succeed."""


class EvidenceRefused(EvidenceError):
    """The name or the record asked for is not acceptable."""


class CutFailed(EvidenceError):
    """Whoever writes the file could not make it; the disk is well."""
