"""What is not Python is found by name, and a wrong name says what there is."""

from __future__ import annotations

import pytest

from bridge import resources
from bridge.errors import UnknownName


def test_a_folder_of_the_checkout_is_found() -> None:
    """Names are relative to the root of the repository."""
    assert resources.path("migrations/env.py").is_file()
    assert resources.path("templates/banks").is_dir()


def test_a_miss_lists_what_is_there() -> None:
    """An unknown name lists its neighbours."""
    with pytest.raises(UnknownName, match=r"'contracts/Other\.json' is not one of: .*contracts/UsageInvoices\.json"):
        resources.path("contracts/Other.json")


@pytest.mark.parametrize("name", ["", "bridge/errors.py", "templates/../pyproject.toml", "/etc/hosts"])
def test_only_the_three_folders(name: str) -> None:
    """Nothing else of the disk can be named."""
    with pytest.raises(UnknownName, match="templates/"):
        resources.path(name)
