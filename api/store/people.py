"""Users, their sessions, their tokens, and one-time links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from api.errors import Conflict, NotFound
from api.security.principal import SCOPES_OF_ROLE, Principal, Role
from api.security.signing import fingerprint, new_secret
from api.store.schema import api_tokens, one_time_links, saved_filters, sessions, users
from pipeline.ledger.database import reading, writing
from pipeline.ledger.errors import LedgerError


@dataclass(frozen=True, slots=True)
class NewUser:
    """What a user begins with."""

    username: str
    role: Role
    areas: tuple[str, ...] = ()
    password_hash: str | None = None
    display_name: str = ""
    language: str | None = None
    oidc_subject: str | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A row of the users."""

    id: int
    username: str
    display_name: str
    password_hash: str | None
    oidc_subject: str | None
    role: Role
    areas: tuple[str, ...]
    language: str | None
    disabled: bool
    created_at: float


class People:
    """Everything about who may sign in. Times are Unix seconds and passed in."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # users

    def add(self, new: NewUser, now: float) -> User:
        """Add a user; raises Conflict when the name is taken."""
        row = {
            "username": new.username,
            "role": new.role,
            "areas": list(new.areas),
            "password_hash": new.password_hash,
            "display_name": new.display_name,
            "language": new.language,
            "oidc_subject": new.oidc_subject,
            "disabled": False,
            "created_at": now,
        }
        try:
            with writing(self._engine) as connection:
                connection.execute(users.insert().values(row))
        except LedgerError:
            raise Conflict(f"user name {new.username!r} is taken") from None
        user = self.by_name(new.username)
        assert user is not None
        return user

    def change(self, user_id: int, **values: Any) -> User:
        """Change columns of a user; raises NotFound."""
        with writing(self._engine) as connection:
            same = users.c.id == user_id
            done = connection.execute(
                users.update().where(same).values(values).returning(users.c.id)
            )
            found = done.first() is not None
        if not found:
            raise NotFound(f"there is no user {user_id}")
        return self.by_id(user_id)

    def by_id(self, user_id: int) -> User:
        """The user; raises NotFound."""
        found = self._one(users.c.id == user_id)
        if found is None:
            raise NotFound(f"there is no user {user_id}")
        return found

    def by_name(self, username: str) -> User | None:
        """The user of that name."""
        return self._one(users.c.username == username)

    def by_subject(self, subject: str) -> User | None:
        """The user whom the OpenID provider calls so."""
        return self._one(users.c.oidc_subject == subject)

    def all(self) -> list[User]:
        """Everybody, by name."""
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(users).order_by(users.c.username))
            return [_user(row) for row in rows]

    def count_administrators(self) -> int:
        """Number of administrators who can sign in."""
        query = sa.select(sa.func.count()).where(
            users.c.role == "administrator",
            users.c.disabled.is_(False),
            sa.or_(users.c.password_hash.is_not(None), users.c.oidc_subject.is_not(None)),
        )
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def _one(self, condition: sa.ColumnElement[bool]) -> User | None:
        with reading(self._engine) as connection:
            row = connection.execute(sa.select(users).where(condition)).first()
        return _user(row) if row else None

    # sessions

    def open_session(self, user: User, now: float, expires_at: float, client: str) -> str:
        """Start a session; returns its secret, which is stored nowhere."""
        secret = new_secret()
        row = {
            "fingerprint": fingerprint(secret),
            "user_id": user.id,
            "csrf": new_secret(),
            "created_at": now,
            "seen_at": now,
            "expires_at": expires_at,
            "client": client[:64],
        }
        with writing(self._engine) as connection:
            connection.execute(sessions.delete().where(sessions.c.expires_at < now))
            connection.execute(sessions.insert().values(row))
        return secret

    def session(self, key: str, now: float, idle_s: float) -> Principal | None:
        """Who owns the session with this fingerprint, None when it is over."""
        query = (
            sa.select(sessions, users.c.username, users.c.role, users.c.areas, users.c.language)
            .join(users, users.c.id == sessions.c.user_id)
            .where(sessions.c.fingerprint == key, users.c.disabled.is_(False))
            .where(sessions.c.expires_at > now, sessions.c.seen_at > now - idle_s)
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        if now - row.seen_at > min(60.0, idle_s / 4):
            self._touch(key, now)
        return Principal(
            user_id=row.user_id,
            username=row.username,
            role=cast(Role, row.role),
            areas=tuple(row.areas),
            scopes=SCOPES_OF_ROLE[cast(Role, row.role)],
            csrf=row.csrf,
            language=row.language,
            session=key,
            expires_at=row.expires_at,
        )

    def _touch(self, key: str, now: float) -> None:
        with writing(self._engine) as connection:
            same = sessions.c.fingerprint == key
            connection.execute(sessions.update().where(same).values(seen_at=now))

    def close_session(self, key: str) -> None:
        """End one session."""
        with writing(self._engine) as connection:
            connection.execute(sessions.delete().where(sessions.c.fingerprint == key))

    def close_sessions_of(self, user_id: int) -> None:
        """End all of a user's sessions."""
        with writing(self._engine) as connection:
            connection.execute(sessions.delete().where(sessions.c.user_id == user_id))

    # tokens

    def add_token(
        self, user: User, name: str, scopes: Sequence[str], now: float, expires_at: float
    ) -> tuple[int, str]:
        """Make a machine's token; returns its id and its secret, shown once."""
        secret = "sg_" + new_secret()
        row = {
            "fingerprint": fingerprint(secret),
            "user_id": user.id,
            "name": name,
            "scopes": sorted(set(scopes) & SCOPES_OF_ROLE[user.role]),
            "created_at": now,
            "expires_at": expires_at,
            "revoked": False,
        }
        with writing(self._engine) as connection:
            made = api_tokens.insert().values(row).returning(api_tokens.c.id)
            token_id: int = connection.execute(made).scalar_one()
        return token_id, secret

    def token(self, key: str, now: float) -> Principal | None:
        """Who owns the token with this fingerprint, None when it is revoked or over."""
        query = (
            sa.select(api_tokens, users.c.username, users.c.role, users.c.areas)
            .join(users, users.c.id == api_tokens.c.user_id)
            .where(api_tokens.c.fingerprint == key, users.c.disabled.is_(False))
            .where(api_tokens.c.revoked.is_(False), api_tokens.c.expires_at > now)
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        role = cast(Role, row.role)
        return Principal(
            user_id=row.user_id,
            username=row.username,
            role=role,
            areas=tuple(row.areas),
            scopes=frozenset(row.scopes) & SCOPES_OF_ROLE[role],
            csrf=None,
            language=None,
            session=key,
            expires_at=row.expires_at,
        )

    def tokens(self) -> list[dict[str, Any]]:
        """All tokens without their secrets."""
        columns = [column for column in api_tokens.c if column.name != "fingerprint"]
        query = sa.select(*columns, users.c.username).join(users).order_by(api_tokens.c.id)
        with reading(self._engine) as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    def revoke_token(self, token_id: int) -> None:
        """Make a token useless; raises NotFound."""
        same = api_tokens.c.id == token_id
        with writing(self._engine) as connection:
            change = api_tokens.update().where(same).values(revoked=True)
            found = connection.execute(change.returning(api_tokens.c.id)).first() is not None
        if not found:
            raise NotFound(f"there is no token {token_id}")

    # one-time links

    def add_link(self, user_id: int | None, expires_at: float, secret: str | None = None) -> str:
        """Make a one-time link's secret; None is for the first administrator."""
        secret = secret or new_secret()
        row = {"fingerprint": fingerprint(secret), "user_id": user_id, "expires_at": expires_at}
        with writing(self._engine) as connection:
            same = one_time_links.c.fingerprint == row["fingerprint"]
            connection.execute(one_time_links.delete().where(same))
            connection.execute(one_time_links.insert().values(row))
        return secret

    def link_target(self, secret: str, now: float) -> tuple[bool, int | None]:
        """(usable, user id) of a link, without using it up."""
        query = sa.select(one_time_links).where(
            one_time_links.c.fingerprint == fingerprint(secret),
            one_time_links.c.used_at.is_(None),
            one_time_links.c.expires_at > now,
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        return (row is not None, row.user_id if row else None)

    def use_link(self, secret: str, now: float) -> bool:
        """Use a link up; True for exactly one caller."""
        statement = (
            one_time_links.update()
            .where(one_time_links.c.fingerprint == fingerprint(secret))
            .where(one_time_links.c.used_at.is_(None), one_time_links.c.expires_at > now)
            .values(used_at=now)
        )
        with writing(self._engine) as connection:
            used = connection.execute(statement.returning(one_time_links.c.fingerprint))
            return used.first() is not None

    # saved filters

    def filters(self, user_id: int) -> list[dict[str, Any]]:
        """The user's saved filters, by name."""
        query = sa.select(saved_filters.c.id, saved_filters.c.name, saved_filters.c.query)
        query = query.where(saved_filters.c.user_id == user_id).order_by(saved_filters.c.name)
        with reading(self._engine) as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    def save_filter(self, user_id: int, name: str, query: dict[str, Any]) -> None:
        """Save a filter under a name, replacing the one that has it."""
        same = (saved_filters.c.user_id == user_id) & (saved_filters.c.name == name)
        with writing(self._engine) as connection:
            connection.execute(saved_filters.delete().where(same))
            row = {"user_id": user_id, "name": name, "query": query}
            connection.execute(saved_filters.insert().values(row))

    def drop_filter(self, user_id: int, filter_id: int) -> None:
        """Forget a filter; raises NotFound."""
        same = (saved_filters.c.user_id == user_id) & (saved_filters.c.id == filter_id)
        with writing(self._engine) as connection:
            drop = saved_filters.delete().where(same).returning(saved_filters.c.id)
            found = connection.execute(drop).first() is not None
        if not found:
            raise NotFound(f"there is no filter {filter_id}")


def _user(row: sa.Row[Any]) -> User:
    return User(
        id=row.id,
        username=row.username,
        display_name=row.display_name,
        password_hash=row.password_hash,
        oidc_subject=row.oidc_subject,
        role=cast(Role, row.role),
        areas=tuple(row.areas),
        language=row.language,
        disabled=row.disabled,
        created_at=row.created_at,
    )
