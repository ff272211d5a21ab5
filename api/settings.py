"""Settings of the review server."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from pipeline.geometry.settings import GridSettings
from pipeline.types import IncidentType

RejectReason = Literal[
    "not_there",
    "lawful",
    "wrong_object",
    "wrong_place",
    "passing",
    "duplicate",
    "bad_picture",
    "test",
    "other",
]
"""Reasons for a rejection; their order gives the digit keys 1 to 9."""

REJECT_REASONS: tuple[str, ...] = get_args(RejectReason)


class OidcSettings(BaseModel):
    """Sign-in by an OpenID Connect provider (authorization code with PKCE)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str = Field(pattern=r"^https?://")
    client_id: str
    client_secret: SecretStr | None = None
    role_claim: str = "skygrid_role"
    areas_claim: str = "skygrid_areas"
    label: str = "Single sign-on"


class ApiSettings(BaseModel):
    """Everything `create_app` needs; nothing is read from the environment here.

    Attributes:
        database_url: SQLAlchemy URL of the ledger's database.
        data_dir: Holds `stills/`, the signing secret and the one-time link's file.
        evidence_dir: Root of the evidence files, `data_dir/evidence` when not given.
        dispatch_at_once: Types that go to dispatch before a person accepted them.
        public_url: As browsers see the server. Cookies are `Secure` when it is https.
        session_hours: A session ends after this much time, whatever happens.
        idle_minutes: A session ends after this much silence.
        trusted_proxies: Addresses whose X-Forwarded-For is believed; without them everybody
            behind a proxy looks like one caller to lock-out and audit.
        detector_labels: Classes that the site's detector knows; empty when they are not known here.
        demo_link_token: A pre-made one-time token for the demo's first administrator.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    database_url: str
    data_dir: Path
    evidence_dir: Path | None = None
    site_name: str = "SkyGrid"
    timezone: str = "Asia/Shanghai"
    host: str = "127.0.0.1"
    port: int = Field(default=8330, ge=0, le=65535)
    public_url: str = "http://localhost:8330"
    language: Literal["zh", "en"] | None = None
    grid: GridSettings | None = None
    dispatch_at_once: tuple[IncidentType, ...] = ()
    session_hours: float = Field(default=12.0, gt=0)
    idle_minutes: float = Field(default=60.0, gt=0)
    evidence_url_minutes: float = Field(default=15.0, gt=0)
    requests_per_minute: int = Field(default=1200, gt=0)
    poll_s: float = Field(default=0.5, gt=0)
    trusted_proxies: tuple[str, ...] = ()
    detector_labels: tuple[str, ...] = ()
    demo_link_token: SecretStr | None = None
    oidc: OidcSettings | None = None

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        ZoneInfo(value)
        return value

    @property
    def secure_cookies(self) -> bool:
        """True when browsers reach the server by https."""
        return self.public_url.startswith("https://")

    @property
    def evidence_root(self) -> Path:
        """Where the evidence files are."""
        return self.evidence_dir or self.data_dir / "evidence"

    @property
    def stills_root(self) -> Path:
        """Where the patrol leaves `<camera>/<view>.jpg` and `.json`."""
        return self.data_dir / "stills"
