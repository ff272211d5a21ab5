"""`skygrid serve`: the review page and its API on a site's store."""

from __future__ import annotations

import os

from pydantic import SecretStr

from api.settings import ApiSettings
from models.card import find_weight, read_card
from models.errors import ModelError
from pipeline.site.settings import Site

LINK_TOKEN = "SKYGRID_LINK_TOKEN"
"""Environment variable with a pre-made one-time token; the demo sets it for its own child."""


def api_settings(site: Site, link_token: str | None = None) -> ApiSettings:
    """The review server's settings for a site.

    Args:
        site: Whose store, evidence and stills are shown.
        link_token: A pre-made one-time token for the first administrator, for the demo.
    """
    return ApiSettings(
        database_url=site.database_url,
        data_dir=site.data_dir,
        site_name=site.site,
        timezone=site.timezone,
        dispatch_at_once=site.dispatch.at_once,
        host=site.review.host,
        port=site.review.port,
        public_url=site.review.public_url,
        detector_labels=_labels(site),
        grid=site.grid,
        demo_link_token=SecretStr(link_token) if link_token else None,
    )


def _labels(site: Site) -> tuple[str, ...]:
    """The detector's classes by its card; none on a web node that has no weights."""
    try:
        return read_card(find_weight(site.detector.weights)).labels
    except ModelError:
        return ()


def serve_site(site: Site) -> None:
    """Serve until SIGINT or SIGTERM."""
    from api.serve import serve
    from skygrid.logging import log_to_stderr

    log_to_stderr()
    site.data_dir.mkdir(parents=True, exist_ok=True)
    serve(api_settings(site, os.environ.get(LINK_TOKEN)))
