"""What every part of bridge.toml is: frozen, with no key that is not known, and silent about values that may be secret."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A table of bridge.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def lower_address(value: str) -> str:
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", value):
        raise ValueError("an address is 0x and 40 hex digits")
    return value.lower()
