"""Write the log: events in, JSON lines on standard error out, or text on a terminal.

Only fields that are named here get out, each a short word or a figure: run, activation,
entity, key, code and the like. What a partner or the ERP says is never logged, and of
what libraries log there is the place and the level alone: their texts may quote values.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

_FIELDS = (
    "event",
    "level",
    "time",
    "run",
    "activation",
    "entity",
    "key",
    "code",
    "state",
    "counts",
    "seconds",
    "again",
    "worker",
    "target",
    "alert",
    "why",
    "by",
    "method",
    "path",
    "status",
    "logger",
    "place",
    "error",
)
"""Every field that a line may have, in its order."""

_LONGEST = 300

Event = MutableMapping[str, Any]
Log = structlog.typing.FilteringBoundLogger


def open_log(stream: TextIO | None = None, *, as_json: bool | None = None) -> Log:
    """
    Return the log, and let all libraries log there too, warnings and worse.

    Without `as_json` a terminal gets text and everything else JSON.
    """
    out = stream or sys.stderr
    as_json = not out.isatty() if as_json is None else as_json
    shown: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=out.isatty(), sort_keys=False)
    )
    log: Log = structlog.wrap_logger(
        structlog.WriteLogger(out),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            _only_known,
            *(() if as_json else (_as_console,)),
            shown,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    _take_over(log)
    return log


def _only_known(_: Any, __: str, event: Event) -> Event:
    """Leave out what no line may have, and cut what is long."""
    return {
        name: _short(event[name]) for name in _FIELDS if event.get(name) is not None
    }


def _short(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {str(name): _short(inner) for name, inner in value.items()}
    text = "".join(c if c.isprintable() else " " for c in str(value))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _as_console(_: Any, __: str, event: Event) -> Event:
    """Name the moment as the renderer for terminals wants it."""
    event["timestamp"] = event.pop("time")
    return event


def _take_over(log: Log) -> None:
    """Let all loggers end here, also those that libraries give handlers."""
    handler = _Libraries(log)
    for name in ("", "uvicorn", "uvicorn.error", "uvicorn.access", "dbos", "alembic"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
        logger.setLevel(logging.NOTSET)
    logging.getLogger().setLevel(logging.WARNING)
    logging.captureWarnings(True)


class _Libraries(logging.Handler):
    """Passes on that a library has something to say, and where; not what."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Log the place, the level and the kind of error."""
        kind = record.exc_info[0] if record.exc_info else None
        self._log.log(
            record.levelno,
            "library",
            logger=record.name,
            place=f"{record.module}:{record.lineno}",
            error=kind.__name__ if kind else None,
        )
