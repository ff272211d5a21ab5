"""People, their tokens and their filters."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from api.security.principal import Role
from api.shapes.base import Answer, Area, Asked, Name

Scope = Literal[
    "audit:read",
    "cameras:read",
    "events:read",
    "evidence:read",
    "export:read",
    "heads:drive",
    "incidents:judge",
    "incidents:read",
    "people:admin",
    "statistics:read",
    "zones:write",
]


class Me(Answer):
    """Who is signed in."""

    username: str
    role: Role
    areas: list[str]
    scopes: list[str]
    language: str | None
    expires_at: datetime
    csrf: str | None


class MeIn(Asked):
    """Change of one's own settings."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"language": "zh"},
            ]
        }
    )

    language: Literal["zh", "en"] | None = None


class PasswordIn(Asked):
    """Change of one's own password."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"old": "the old phrase", "new": "a longer new phrase"},
            ]
        }
    )

    old: Annotated[str, Field(max_length=200)]
    new: Annotated[str, Field(max_length=200)]


class UserIn(Asked):
    """A new user."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"username": "li.na", "role": "operator", "areas": ["440304002"]},
            ]
        }
    )

    username: Name
    display_name: Annotated[str, Field(max_length=100)] = ""
    role: Role
    areas: tuple[Area, ...] = Field((), max_length=100, description="Grid code prefixes; [] = all")


class UserChange(Asked):
    """A change of a user; what is left out stays."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"role": "supervisor"},
            ]
        }
    )

    display_name: Annotated[str, Field(max_length=100)] | None = None
    role: Role | None = None
    areas: tuple[Area, ...] | None = Field(None, max_length=100)
    disabled: bool | None = None


class UserOut(Answer):
    """A user."""

    id: int
    username: str
    display_name: str
    role: Role
    areas: list[str]
    disabled: bool
    created_at: datetime
    can_sign_in: bool


class UserMade(UserOut):
    """A user with the one-time link that sets the password; it is shown once."""

    link: str


class UserList(Answer):
    """Everybody."""

    items: list[UserOut]


class LinkOut(Answer):
    """A one-time link that sets a password."""

    link: str
    expires_at: datetime


class TokenIn(Asked):
    """A new token for a machine; it acts for the user who makes it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "video wall", "scopes": ["cameras:read", "events:read"], "days": 90},
            ]
        }
    )

    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: tuple[Scope, ...] = Field(min_length=1, max_length=20)
    days: int = Field(90, ge=1, le=730)


class TokenOut(Answer):
    """A token without its secret."""

    id: int
    name: str
    username: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    revoked: bool


class TokenMade(Answer):
    """A token's secret; it is shown once."""

    id: int
    secret: str


class TokenList(Answer):
    """All tokens."""

    items: list[TokenOut]


class FilterIn(Asked):
    """A filter to keep under a name."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "night shift", "query": {"type": "garbage", "review": "pending"}},
            ]
        }
    )

    name: Annotated[str, Field(min_length=1, max_length=60)]
    query: dict[Annotated[str, Field(max_length=40)], Annotated[str, Field(max_length=300)]] = (
        Field(max_length=20)
    )


class FilterOut(Answer):
    """A kept filter."""

    id: int
    name: str
    query: dict[str, str]


class FilterList(Answer):
    """The caller's filters."""

    items: list[FilterOut]
