"""Structured logs: for people on a terminal, as JSON lines in a file."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO, cast

import structlog

_LEVEL = logging.INFO


class _Patient:
    """A log stream whose disk may be full: the line is lost, whoever logs goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def log_to_stderr(level: int = _LEVEL) -> None:
    """Log lines for people, coloured on a terminal."""
    renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    _configure([renderer], _loggers(sys.stderr), level)


def log_to_file(path: Path, level: int = _LEVEL) -> None:
    """JSON lines appended to a file; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stream: TextIO = path.open("a", encoding="utf-8", buffering=1)
    _configure([structlog.processors.JSONRenderer()], _loggers(stream), level)


def _loggers(stream: TextIO) -> structlog.PrintLoggerFactory:
    return structlog.PrintLoggerFactory(cast(TextIO, _Patient(stream)))


def _configure(renderers: Sequence[Any], factory: Any, level: int) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=factory,
        cache_logger_on_first_use=False,
    )
