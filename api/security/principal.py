"""Who is asking: roles, scopes and the grid areas that they may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from api.errors import Forbidden

Role = Literal["viewer", "operator", "supervisor", "administrator"]
ROLES: tuple[Role, ...] = ("viewer", "operator", "supervisor", "administrator")

_VIEWER = frozenset(
    {"incidents:read", "evidence:read", "cameras:read", "events:read", "statistics:read"}
)
_OPERATOR = _VIEWER | {"incidents:judge", "heads:drive"}
_SUPERVISOR = _OPERATOR | {"zones:write", "export:read", "audit:read"}
_ADMINISTRATOR = _SUPERVISOR | {"people:admin"}

SCOPES_OF_ROLE: dict[Role, frozenset[str]] = {
    "viewer": _VIEWER,
    "operator": _OPERATOR,
    "supervisor": _SUPERVISOR,
    "administrator": _ADMINISTRATOR,
}
SCOPES: tuple[str, ...] = tuple(sorted(_ADMINISTRATOR))


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in person, or a machine with a person's token.

    Attributes:
        user_id: Row of the user.
        username: Name for the audit log and for colleagues.
        role: Of the user.
        areas: Prefixes of grid codes; empty means the whole city.
        scopes: What may be done, never more than the role gives.
        csrf: Token that unsafe requests must repeat; None for machines, which send no cookie.
        language: "zh", "en", or None for the browser's.
        session: Key of the session or token, for signing out and for the caches.
        expires_at: Unix seconds at which it ends.
    """

    user_id: int
    username: str
    role: Role
    areas: tuple[str, ...]
    scopes: frozenset[str]
    csrf: str | None
    language: str | None
    session: str
    expires_at: float

    def require(self, scope: str) -> None:
        """Raise Forbidden unless the scope is held."""
        if scope not in self.scopes:
            raise Forbidden(f"this needs the right {scope!r}, which {self.username} does not have")

    def may_see(self, grid_cell: str | None) -> bool:
        """True when the cell lies in the areas. A thing without a cell is for the whole city."""
        if not self.areas:
            return True
        return grid_cell is not None and grid_cell.startswith(self.areas)
