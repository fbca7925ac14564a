"""[telemetry] of bridge.toml: who is told of bugs and of turns; nobody, where it says nothing."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from bridge.settings.part import Part


def _web_address(url: str) -> str:
    """An address on the web, or none. Its own words are never repeated: they may hold a key."""
    try:
        whole = not url or (urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).hostname))
    except ValueError:
        whole = False
    if not whole:
        raise ValueError("this is no address; write https://HOST/..., with the key in it where it has one")
    return url


class Telemetry(Part):
    sentry_dsn: Annotated[str, AfterValidator(_web_address)] = Field(
        default="",
        repr=False,
        description="bugs of steps are told there, as type and place; better as BRIDGE_TELEMETRY__SENTRY_DSN_FILE",
    )
    otlp_endpoint: Annotated[str, AfterValidator(_web_address)] = Field(
        default="", repr=False, description="one span a turn, by OTLP over HTTP: http://collector:4318/v1/traces"
    )
