"""Finds what is not Python (templates, migrations, the contract's artefact), in a checkout or in an installed wheel."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from bridge.errors import ConfigError, UnknownName

PACKAGE = Path(__file__).resolve().parent
IN_WHEEL = PACKAGE / "_data"
ROOTS = ("contracts", "migrations", "templates")


def path(name: str) -> Path:
    """The file or folder of this name, relative to the repository root: ``path("templates/banks/default.toml")``.

    Raises UnknownName, listing what exists beside it, if there is none; ConfigError if the installation lacks its data.
    """
    parts = PurePosixPath(name).parts
    if not parts or parts[0] not in ROOTS or ".." in parts:
        raise UnknownName.among("resource", name, [f"{root}/..." for root in ROOTS])
    found = _home().joinpath(*parts)
    if not found.exists():
        raise UnknownName.among("resource", name, _beside(found))
    return found


def folders(name: str, home: Path) -> list[Path]:
    """The folder of this name that ships, and behind it the operator's own beside bridge.toml, which need not exist."""
    return [path(name), home / name]


def _home() -> Path:
    """The folder that holds ROOTS: inside the wheel, or the checkout that the package is part of."""
    if IN_WHEEL.is_dir():
        return IN_WHEEL
    if (PACKAGE.parent / "pyproject.toml").is_file():
        return PACKAGE.parent
    raise ConfigError(f"{PACKAGE} has neither its data folder nor a checkout around it: install sdd-bridge again")


def _beside(missing: Path) -> list[str]:
    folder = next(p for p in missing.parents if p.is_dir())
    return [p.relative_to(_home()).as_posix() for p in folder.iterdir() if not p.name.startswith((".", "__"))]
