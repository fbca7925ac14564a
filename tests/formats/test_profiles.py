"""Bank profiles are data: read from TOML, checked key by key, and replaced by a file of the same name beside bridge.toml."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from bridge.errors import ConfigError, UnknownName
from bridge.formats import profiles
from bridge.records.profile import BankProfile

SHIPPED = Path(__file__).parents[2] / "templates" / "banks"


def bank(folder: Path, text: str, name: str = "mybank") -> list[Path]:
    """A folder with one profile, after the shipped ones: ``text``, and the lines of default.toml that it does not have."""
    said = {line.partition(" = ")[0] for line in text.splitlines()}
    others = [
        line for line in SHIPPED.joinpath("default.toml").read_text("utf-8").splitlines() if line.partition(" = ")[0] not in said
    ]
    return written(folder, "\n".join([text, *others]), name)


def written(folder: Path, text: str, name: str = "mybank") -> list[Path]:
    """A folder with one profile that is this text alone, after the shipped ones."""
    folder.joinpath(f"{name}.toml").write_text(text, encoding="utf-8")
    return [SHIPPED, folder]


def test_default_profile_says_what_the_record_says() -> None:
    """The shipped default has every key, with the values of BankProfile."""
    profile = profiles.load("default", [SHIPPED])

    assert profile == BankProfile(name="default", title="Any bank, by online portal")
    text = SHIPPED.joinpath("default.toml").read_text(encoding="utf-8")
    assert all(f"\n{field.name} = " in text for field in fields(BankProfile) if field.name != "name")


def test_every_shipped_profile_loads() -> None:
    """No profile is shipped that cannot be used."""
    assert [profiles.load(name, [SHIPPED]).name for name in profiles.known([SHIPPED])] == profiles.known([SHIPPED])


def test_own_file_replaces_the_shipped_one(tmp_path: Path) -> None:
    """The last folder wins, with the whole file."""
    folders = bank(tmp_path, 'title = "Our bank"\ncut_off = "14:30"\nlead_days = 1', name="default")
    profile = profiles.load("default", folders)

    assert (profile.title, profile.cut_off, profile.lead_days) == ("Our bank", "14:30", 1)


def test_missing_folder_holds_nothing(tmp_path: Path) -> None:
    """A folder beside bridge.toml need not exist."""
    assert profiles.load("default", [SHIPPED, tmp_path / "none"]).name == "default"


@pytest.mark.parametrize("name", ["dkb", "", "../banks/default", "default.toml"])
def test_unknown_profile_lists_the_known(name: str, tmp_path: Path) -> None:
    """A profile that does not exist is refused with the list; a path is no name."""
    with pytest.raises(UnknownName, match="is not one of: at-psa, commerzbank-portal, de-gbic5, default, legacy-02, mybank"):
        profiles.load(name, bank(tmp_path, 'title = "x"'))


@pytest.mark.parametrize(("written", "booking"), [("true", True), ("false", False), ('"as-agreed"', None)])
def test_batch_booking_has_three_values(written: str, booking: bool | None, tmp_path: Path) -> None:
    """true, false, or left to the agreement with the bank."""
    folders = bank(tmp_path, f'title = "x"\nbatch_booking = {written}')

    assert profiles.load("mybank", folders).batch_booking is booking


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("skip_checks = true", "skip_checks"),
        ('name = "other"', "name"),
        ('version = "pain.008.001.02"', "version"),
        ('cut_off = "24:00"', "cut_off"),
        ('cut_off = "9:00"', "cut_off"),
        ("cut_off = 10:00:00", "cut_off"),
        ('timezone = "Berlin"', "timezone"),
        ('timezone = "/etc/passwd"', "timezone"),
        ('version = "pain.008.001.09"', "version"),
        ('address = "free"', "address"),
        ('address = "lines"', "address"),
        ("characters = 1", "characters"),
        ('created_in = "Berlin"', "created_in"),
        ('first_sequence = "OOFF"', "first_sequence"),
        ("one_block = 1", "one_block"),
        ('one_due_date = "yes"', "one_due_date"),
        ("lead_days = -1", "lead_days"),
        ("lead_days = true", "lead_days"),
        ("lead_days = 2.0", "lead_days"),
        ('lead_days = "2"', "lead_days"),
        ("earliest_days = 0", "earliest_days"),
        ("lead_days = 5\nearliest_days = 12", "earliest_days"),
        ("batch_booking = 1", "batch_booking"),
        ("transactions_max = 0", "transactions_max"),
        ("bytes_max = 100", "bytes_max"),
        ("title = 5", "title"),
        ('version = ["pain.008.001.08"]', "version"),
        ("timezone = 5", "timezone"),
    ],
)
def test_wrong_key_or_value_names_file_and_key(line: str, key: str, tmp_path: Path) -> None:
    """Unknown keys and values that no bank has are refused, with file and key."""
    with pytest.raises(ConfigError, match=rf"mybank\.toml: .*{key}"):
        profiles.load("mybank", bank(tmp_path, line if key == "title" else f'title = "x"\n{line}'))


@pytest.mark.parametrize("key", [field.name for field in fields(BankProfile) if field.name != "name"])
def test_a_line_that_was_lost_is_named(key: str, tmp_path: Path) -> None:
    """Every line is needed: what is left out is named with the value that default.toml has, and never filled in."""
    whole = SHIPPED.joinpath("default.toml").read_text("utf-8").splitlines()
    line = next(line for line in whole if line.startswith(f"{key} = "))
    folders = written(tmp_path, "\n".join(other for other in whole if other != line))
    with pytest.raises(ConfigError, match=r"mybank\.toml: lines are missing; as default\.toml has them") as refusal:
        profiles.load("mybank", folders)

    named = tomllib.loads(str(refusal.value).rpartition(": ")[2]) if key != "title" else {"title": "..."}
    assert named == {key: tomllib.loads(line)[key] if key != "title" else "..."}


@pytest.mark.parametrize("text", ["title = ", "", "lead_days = 1", 'title = "  "'])
def test_file_without_title_or_toml_is_refused(text: str, tmp_path: Path) -> None:
    """A file that is no TOML, or does not say which bank it is, is refused by name."""
    with pytest.raises(ConfigError, match=r"mybank\.toml"):
        profiles.load("mybank", written(tmp_path, text))


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """TOML is UTF-8; anything else is refused by name."""
    tmp_path.joinpath("mybank.toml").write_bytes('title = "Sparkasse Köln"'.encode("latin-1"))

    with pytest.raises(ConfigError, match=r"mybank\.toml"):
        profiles.load("mybank", [tmp_path])


@pytest.mark.parametrize(
    ("key", "least", "most"),
    [
        ("lead_days", 0, 5),
        ("earliest_days", 7, 365),  # with two lead days: 2 * 2 + 3
        ("transactions_max", 1, 1_000_000),
        ("bytes_max", 10_000, 1_000_000_000),
    ],
)
def test_the_ends_of_each_number(key: str, least: int, most: int, tmp_path: Path) -> None:
    """The smallest and the largest value are taken, the next ones are not."""
    for value in (least, most):
        assert getattr(profiles.load("mybank", bank(tmp_path, f'title = "x"\n{key} = {value}')), key) == value
    for value in (least - 1, most + 1):
        with pytest.raises(ConfigError, match=f"{key} = {value}: "):
            profiles.load("mybank", bank(tmp_path, f'title = "x"\n{key} = {value}'))


@pytest.mark.parametrize(("lead", "least"), [(0, 3), (1, 5), (5, 13)])
def test_some_day_is_left_to_present_a_file(lead: int, least: int, tmp_path: Path) -> None:
    """n TARGET days span at most 2n + 3 calendar days: a window of that many days is enough, one less is none."""
    written = 'title = "x"\nlead_days = {}\nearliest_days = {}'
    assert profiles.load("mybank", bank(tmp_path, written.format(lead, least))).earliest_days == least
    with pytest.raises(ConfigError, match=f"it must be at least {least}, or no day would be left"):
        profiles.load("mybank", bank(tmp_path, written.format(lead, least - 1)))


def test_a_number_says_what_it_may_be(tmp_path: Path) -> None:
    """The refusal names both ends."""
    with pytest.raises(ConfigError, match="earliest_days = 0: a whole number from 1 to 365 is needed"):
        profiles.load("mybank", bank(tmp_path, 'title = "x"\nearliest_days = 0'))


def test_names_are_sorted_over_all_folders(tmp_path: Path) -> None:
    """A bank of one's own stands where its name belongs."""
    assert profiles.known(bank(tmp_path, 'title = "x"', name="a-bank"))[0] == "a-bank"
