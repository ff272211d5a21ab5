"""The event bus on Redis Streams (Redis 6.2 or newer)."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pipeline.queue.errors import BusMisused, BusUnavailable
from pipeline.queue.port import Delivery, Group, Message, dead_letters

# One step for the server, and one MULTI/EXEC in its AOF: a message is never there without its
# marker, nor a marker without its message, wherever the server is killed.
_PUBLISH = """
local prior = redis.call('GET', KEYS[2])
if prior then return {0, prior} end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(ARGV, 3))
redis.call('SET', KEYS[2], id, 'EX', ARGV[2])
return {1, id}
"""
_BURY = """
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[1], '*', unpack(ARGV, 4))
return redis.call('XACK', KEYS[1], ARGV[2], ARGV[3])
"""
_PASSING = re.compile(r"\b(OOM|MISCONF|READONLY|NOREPLICAS|LOADING|BUSY|MASTERDOWN|TRYAGAIN)\b")
"""Error codes of a server that will take the same command later."""


@dataclass(frozen=True, slots=True)
class RedisBusConfig:
    """How the bus uses its server.

    Attributes:
        max_entries: About how many entries a stream keeps; older ones are trimmed.
        marker_ttl_s: How long a message id is remembered against re-sends; longer than any
            re-send window of the relay.
        timeout_s: Of connecting and of every answer.
    """

    max_entries: int = 100_000
    marker_ttl_s: int = 30 * 86_400
    timeout_s: float = 5.0


class RedisBus:
    """`EventBus` on `redis://`, `rediss://` or `unix://`; safe from several threads.

    Both keys of a publish live on one server: with Redis Cluster, put the stream's name in
    braces so that they share a slot.
    """

    def __init__(self, url: str, config: RedisBusConfig | None = None) -> None:
        self.config = config or RedisBusConfig()
        self.name = redacted(url)
        try:
            self._client = redis.Redis.from_url(
                url,
                decode_responses=True,
                socket_timeout=self.config.timeout_s,
                socket_connect_timeout=self.config.timeout_s,
                retry=Retry(NoBackoff(), 0),  # whoever calls has a backoff of his own
                health_check_interval=0,
            )
        except ValueError:  # its text may quote a part of the password
            raise BusMisused(
                "Redis URL must be redis://[user:password@]host[:port][/number], rediss:// or "
                f"unix://, the password percent-encoded; got {self.name}"
            ) from None
        self._publish = self._client.register_script(_PUBLISH)
        self._bury = self._client.register_script(_BURY)

    def __repr__(self) -> str:
        return f"RedisBus({self.name!r})"

    def incarnation(self) -> str:
        """See `EventBus.incarnation`: Redis's run id."""
        with self._wrapped():
            return str(cast(Mapping[str, Any], self._client.info("server"))["run_id"])

    def publish(self, stream: str, messages: Sequence[Message]) -> list[bool]:
        """See `EventBus.publish`."""
        if not messages:
            return []
        with self._wrapped(), self._client.pipeline(transaction=False) as pipe:
            for message in messages:
                self._publish(
                    keys=[stream, f"{stream}:sent:{message.message_id}"],
                    args=[
                        self.config.max_entries,
                        self.config.marker_ttl_s,
                        *_flat(message.fields),
                    ],
                    client=pipe,
                )
            return [bool(added) for added, _entry in pipe.execute()]

    def ensure_group(self, group: Group, *, from_start: bool = False) -> None:
        """See `EventBus.ensure_group`."""
        with self._wrapped():
            try:
                self._client.xgroup_create(
                    group.stream, group.group, id="0" if from_start else "$", mkstream=True
                )
            except redis.ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    def read(self, group: Group, *, count: int, block_s: float) -> list[Delivery]:
        """See `EventBus.read`; `block_s` is cut to less than the timeout."""
        block_ms = max(1, int(min(block_s, self.config.timeout_s * 0.6) * 1000))
        return self._read(group, ">", count, block_ms)

    def own_pending(self, group: Group, *, count: int) -> list[Delivery]:
        """See `EventBus.own_pending`."""
        return self._counted(group, self._read(group, "0", count, None))

    def _read(self, group: Group, after: str, count: int, block_ms: int | None) -> list[Delivery]:
        with self._wrapped():
            answer = self._client.xreadgroup(
                group.group, group.consumer, {group.stream: after}, count=count, block=block_ms
            )
        found = cast(Any, answer) or []
        parts = found.items() if isinstance(found, dict) else found
        return [_delivery(entry) for _stream, entries in parts for entry in _flatten(entries)]

    def claim_stale(self, group: Group, *, idle_s: float, count: int) -> list[Delivery]:
        """See `EventBus.claim_stale`."""
        with self._wrapped():
            answer = cast(
                Any,
                self._client.xautoclaim(
                    group.stream, group.group, group.consumer, int(idle_s * 1000), "0-0", count
                ),
            )
        return self._counted(group, [_delivery(entry) for entry in answer[1] if entry])

    def _counted(self, group: Group, found: list[Delivery]) -> list[Delivery]:
        """The deliveries with how often each was delivered."""
        if not found:
            return found
        with self._wrapped(), self._client.pipeline(transaction=False) as pipe:
            for delivery in found:
                pipe.xpending_range(
                    group.stream, group.group, delivery.entry_id, delivery.entry_id, 1
                )
            pending = pipe.execute()
        return [
            Delivery(d.entry_id, d.fields, int(rows[0]["times_delivered"]) if rows else 1)
            for d, rows in zip(found, pending, strict=True)
        ]

    def ack(self, group: Group, entry_ids: Sequence[str]) -> None:
        """See `EventBus.ack`."""
        if entry_ids:
            with self._wrapped():
                self._client.xack(group.stream, group.group, *entry_ids)

    def bury(self, group: Group, delivery: Delivery, reason: str) -> None:
        """See `EventBus.bury`."""
        note = {
            "dead_reason": reason[:500],
            "dead_group": group.group,
            "dead_entry": delivery.entry_id,
            "dead_deliveries": str(delivery.deliveries),
        }
        with self._wrapped():
            self._bury(
                keys=[group.stream, dead_letters(group.stream)],
                args=[
                    self.config.max_entries,
                    group.group,
                    delivery.entry_id,
                    *_flat({**delivery.fields, **note}),
                ],
            )

    def close(self) -> None:
        """See `EventBus.close`."""
        self._client.close()

    @contextlib.contextmanager
    def _wrapped(self) -> Iterator[None]:
        try:
            yield
        except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
            kind = type(error).__name__
            raise BusUnavailable(f"Redis {self.name} must answer, got {kind}") from error
        except redis.RedisError as error:
            said = str(error).rpartition("caused error: ")[2].replace("\n", " ")[-200:]
            if _is_passing(error, said):
                raise BusUnavailable(f"Redis {self.name} refuses for now: {said}") from error
            raise BusMisused(f"Redis {self.name} refuses: {said}") from error


def redacted(url: str) -> str:
    """A Redis URL without account and query: all up to the last "@" goes, since a password may
    hold "@", "/" or "#". That may hide too much of an odd address, never too little."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return "an address without ://"
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


def _is_passing(error: redis.RedisError, said: str) -> bool:
    passing = (redis.BusyLoadingError, redis.ReadOnlyError, redis.OutOfMemoryError)
    return isinstance(error, passing) or _PASSING.search(said) is not None


def _flat(fields: Mapping[str, str]) -> list[str]:
    return [part for pair in fields.items() for part in pair]


def _flatten(entries: Any) -> Any:
    """RESP3 answers nest the entries of a stream one list deeper."""
    nested = entries and isinstance(entries[0], list) and entries[0] and not _is_entry(entries[0])
    return entries[0] if nested else entries


def _is_entry(value: Any) -> bool:
    return len(value) == 2 and isinstance(value[0], str)


def _delivery(entry: Any) -> Delivery:
    entry_id, fields = entry
    return Delivery(entry_id, dict(fields or {}))
