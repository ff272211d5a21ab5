"""Who is asking? Sessions by cookie, machines by token; sign-in, sign-out, one-time links."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from api.errors import CsrfRefused, NotFound, SignInRequired
from api.security.limits import LockOut
from api.security.passwords import Passwords
from api.security.principal import Principal
from api.security.signing import fingerprint
from api.store.audit import Act, AuditLog
from api.store.people import NewUser, People, User

_CACHE_S = 2.0
_CACHE_KEYS = 5_000


@dataclass(frozen=True, slots=True)
class GateTimes:
    """How long sessions last, in seconds."""

    session_s: float
    idle_s: float


class Gate:
    """Decides who may come in. A revoked session is out at once here, elsewhere after 2 s."""

    def __init__(
        self, people: People, log: AuditLog, times: GateTimes, clock: Callable[[], float]
    ) -> None:
        self._people = people
        self._log = log
        self._times = times
        self._clock = clock
        self._passwords = Passwords()
        self._names = LockOut(clock)
        self._clients = LockOut(clock, free=30)
        self._cache: OrderedDict[str, tuple[float, Principal]] = OrderedDict()
        self._lock = Lock()

    def by_cookie(self, secret: str) -> Principal | None:
        """Whose session this is."""
        return self._cached(fingerprint(secret), self._load_session)

    def by_token(self, secret: str) -> Principal:
        """Whose token this is; raises SignInRequired when it is not valid."""
        found = self._cached(fingerprint(secret), self._people.token)
        if found is None:
            raise SignInRequired("the token is not valid, revoked or over")
        return found

    def knows(self, secret: str) -> bool:
        """True when the secret was that of a session or token lately; asks no database."""
        with self._lock:
            return fingerprint(secret) in self._cache

    def recent(self, secret: str) -> Principal | None:
        """Whose session or token this is if it was looked up within 2 s; asks no database."""
        return self._fresh(fingerprint(secret), self._clock())

    def still_valid(self, principal: Principal) -> bool:
        """True while the session or token behind a long answer holds."""
        load = self._load_session if principal.csrf is not None else self._people.token
        return self._cached(principal.session, load) is not None

    def check_csrf(self, principal: Principal, given: str | None) -> None:
        """Refuse an unsafe request of a browser without its session's CSRF token."""
        if principal.csrf is not None and given != principal.csrf:
            raise CsrfRefused("the request must repeat the session's X-CSRF-Token")

    def sign_in(self, username: str, password: str, client: str) -> str:
        """Check name and password; returns the new session's secret.

        Raises:
            SignInRequired: They do not fit; it is not said which.
            TooMany: Locked after failures, by name and by address.
        """
        name = username.casefold()
        self._names.check(name)
        self._clients.check(client)
        user = self._people.by_name(username)
        known = user is not None and not user.disabled
        fits = self._passwords.verify(user.password_hash if user else None, password)
        if user is None or not known or not fits:
            locked = (self._names.failed(name), self._clients.failed(client))
            detail = {"locked": any(locked)}
            self._log.append(Act("-", "sign_in.failed", username, detail, client))
            raise SignInRequired("user name or password is wrong")
        self._names.succeeded(name)
        return self.open(user, client, "password")

    def open(self, user: User, client: str, how: str) -> str:
        """Start a session for a user who has proved who they are."""
        now = self._clock()
        secret = self._people.open_session(user, now, now + self._times.session_s, client)
        self._log.append(Act(user.username, "sign_in", user.username, {"how": how}, client))
        return secret

    def sign_out(self, principal: Principal, client: str) -> None:
        """End the session."""
        self._people.close_session(principal.session)
        self.forget(principal.session)
        self._log.append(Act(principal.username, "sign_out", principal.username, None, client))

    def set_password_by_link(
        self, link: str, username: str, password: str, client: str
    ) -> tuple[User, str]:
        """Use a one-time link: sets a user's password, or makes the first administrator.

        Raises:
            NotFound: The link is unknown, used or over.
            Refused: The password is too weak; the link stays usable.
        """
        now = self._clock()
        usable, user_id = self._people.link_target(link, now)
        if not usable:
            raise NotFound("the link is unknown, used or over")
        known = self._people.by_id(user_id) if user_id is not None else None
        name = known.username if known else username
        hashed = self._passwords.hash(password, name)
        if not self._people.use_link(link, now):
            raise NotFound("the link is unknown, used or over")
        if known is None:
            user = self._people.add(NewUser(name, "administrator", password_hash=hashed), now)
        else:
            user = self._people.change(known.id, password_hash=hashed)
            self._people.close_sessions_of(user.id)
            self.forget_all()
        self._log.append(Act(user.username, "password.set", user.username, {"by": "link"}, client))
        return user, self.open(user, client, "link")

    def change_password(self, principal: Principal, old: str, new: str, client: str) -> None:
        """Change one's own password; the old one is asked again."""
        name = principal.username.casefold()
        self._names.check(name)
        user = self._people.by_id(principal.user_id)
        if not self._passwords.verify(user.password_hash, old):
            self._names.failed(name)
            raise SignInRequired("the old password is wrong")
        self._people.change(user.id, password_hash=self._passwords.hash(new, user.username))
        self._log.append(Act(user.username, "password.set", user.username, {"by": "self"}, client))

    def forget(self, key: str) -> None:
        """Drop one session or token from the cache."""
        with self._lock:
            self._cache.pop(key, None)

    def forget_all(self) -> None:
        """Drop the cache, after a change of users or tokens."""
        with self._lock:
            self._cache.clear()

    def _fresh(self, key: str, now: float) -> Principal | None:
        with self._lock:
            entry = self._cache.get(key)
        fresh = entry is not None and now < min(entry[0], entry[1].expires_at)
        return entry[1] if entry is not None and fresh else None

    def _load_session(self, key: str, now: float) -> Principal | None:
        return self._people.session(key, now, self._times.idle_s)

    def _cached(self, key: str, load: Callable[[str, float], Principal | None]) -> Principal | None:
        now = self._clock()
        known = self._fresh(key, now)
        if known is not None:
            return known
        found = load(key, now)
        with self._lock:
            self._cache.pop(key, None)
            if found is not None:
                self._cache[key] = (now + _CACHE_S, found)
                if len(self._cache) > _CACHE_KEYS:
                    self._cache.popitem(last=False)
        return found
