"""Structured logs: for people on a terminal, as JSON lines in a file."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import structlog

_LEVEL = logging.INFO


def log_to_stderr(level: int = _LEVEL) -> None:
    """Log lines for people, coloured on a terminal."""
    renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    _configure([renderer], structlog.PrintLoggerFactory(sys.stderr), level)


def log_to_file(path: Path, level: int = _LEVEL) -> None:
    """JSON lines appended to a file; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stream: TextIO = path.open("a", encoding="utf-8", buffering=1)
    _configure([structlog.processors.JSONRenderer()], structlog.PrintLoggerFactory(stream), level)


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
