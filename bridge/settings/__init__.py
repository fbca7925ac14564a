"""Settings: bridge.toml plus the environment (``BRIDGE_*``, secrets also ``..._FILE``). An unknown key is an error.

Precedence: environment, then bridge.toml, then the default written here. A value whose rule does not exist yet is refused by name
rather than ignored.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from datetime import time
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bridge.errors import ConfigError
from bridge.settings.part import Part, lower_address
from bridge.settings.sources import AttestSettings, MappingSettings, SourceSettings
from bridge.settings.telemetry import Telemetry

__all__ = [
    "AccountSettings",
    "AttestSettings",
    "CollectionRules",
    "CreditorSettings",
    "MappingSettings",
    "Settings",
    "Smtp",
    "SourceSettings",
    "load",
]

PREFIX = "BRIDGE_"
#: variables that are not settings: who acts, which Python make takes, where test data lies, which servers the tests use
OTHER_VARIABLES = {
    "BRIDGE_TOKEN", "BRIDGE_TOKEN_FILE", "BRIDGE_PYTHON", "BRIDGE_TESTDATA", "BRIDGE_TEST_POSTGRES", "BRIDGE_TEST_REDIS",
}  # fmt: skip
BROKER_SCHEMES = ("redis", "rediss", "valkey", "valkeys", "unix")


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise ValueError(f"{name!r} is no time zone; write one like Europe/Berlin") from problem
    return name


def _clock_time(value: str) -> str:
    if value:
        time.fromisoformat(value)
    return value


def _debtor_ref(text: str) -> str:
    if not re.fullmatch(r"0x[0-9a-f]{64}", text.lower()):
        raise ValueError("a debtor is named by 0x and 64 hex digits, as on chain")
    return text.lower()


def _agreement(text: str) -> str:
    if not re.fullmatch(r"0x[0-9a-f]{64}", text.lower()):
        raise ValueError("a machine's agreement is named by 0x and 64 hex digits, as on chain")
    return text.lower()


def _broker_url(url: str) -> str:
    """A URL that every client of it reads alike. Its own words are never repeated: they may hold a password."""
    how = "write redis://HOST:6379/0, and percent-encode what is special in a password"
    try:
        parts = urlsplit(url)
        place = parts.path if parts.scheme == "unix" else parts.hostname and (parts.port or True)
    except ValueError:
        raise ValueError(f"this is no address of a broker; {how}") from None
    if url and (parts.scheme not in BROKER_SCHEMES or not place or parts.fragment):
        raise ValueError(f"an address starts with one of {', '.join(BROKER_SCHEMES)} and names a host or a socket; {how}")
    return url


def _not_built(what: str, value: object, only: object) -> None:
    """A value whose rule does not exist yet is refused by name, never ignored."""
    if value != only:
        raise ValueError(f"{what} is not built yet; leave it out")


class Database(Part):
    url: str = Field(default="sqlite:///bridge.db", description="sqlite:///FILE or postgresql://...", repr=False)


class Broker(Part):
    url: Annotated[str, AfterValidator(_broker_url)] = Field(
        default="", description="redis://, rediss:// (TLS), valkey:// or unix:///socket; empty: embedded mode", repr=False
    )
    ring_seconds: int = Field(default=60, ge=1, le=3600, description="beat rings every step each so many seconds")
    processes: int = Field(default=2, ge=1, le=64, description="processes of one worker; with SQLite 1")
    turn_seconds: int = Field(
        default=120, ge=1, le=3600, description="a step gives way between two units of work after so many, and goes on at once"
    )
    step_seconds_max: int = Field(default=600, ge=2, le=86_400, description="a step that takes longer is stopped")

    @property
    def scheme(self) -> str:
        """The scheme as Redis clients know it: Valkey speaks the same protocol."""
        return urlsplit(self.url).scheme.replace("valkey", "redis")

    @property
    def shown(self) -> str:
        """The URL without name and password, for people."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class Logging(Part):
    format: Literal["text", "json"] = Field(default="text", description="json: worker and beat write an object a line to stderr")


class Keys(Part):
    path: Path = Field(default=Path("bridge.keys"), description="the key file, mode 0600")


class Smtp(Part):
    host: str = Field(min_length=1, description="the mail server")
    port: int = Field(default=587, ge=1, le=65_535)
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="none: only for a server on this machine"
    )
    user: str = ""
    password: str = Field(default="", repr=False, description="better as BRIDGE_SMTP__PASSWORD_FILE")
    sender: str = Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$", description="the address that debtors see and answer to")


OUTBOX_DAYS_MIN = 30


class Retention(Part):
    booked_years: int = Field(default=10, ge=6, le=30, description="whole years after the year of the last booking of a debtor")
    mandate_months: int = Field(default=14, ge=14, le=360, description="after the end, or the last debit, of a mandate")
    outbox_days: int = Field(default=0, ge=0, le=3650, description="files stay in outbox/ so long after they left; 0: for ever")

    @model_validator(mode="after")
    def _copies_for_a_backup(self) -> Retention:
        if 0 < self.outbox_days < OUTBOX_DAYS_MIN:
            raise ValueError(
                f"outbox_days: a restored backup learns from these files; keep them {OUTBOX_DAYS_MIN} days or longer"
            )
        return self


RETRIED = ("AM04", "ED05", "MS03")  # rules.reasons: again = "later"; a test compares the two


class Retry(Part):
    reasons: tuple[str, ...] = Field(default=(), description="reason codes after which a new attempt is made")
    retries_max: int = Field(default=0, ge=0, le=98, description="attempts after the first")
    days_min: int = Field(default=3, ge=0, description="TARGET days between the return and the new attempt")

    @model_validator(mode="after")
    def _only_what_time_cures(self) -> Retry:
        wrong = sorted(set(self.reasons) - set(RETRIED))
        if wrong:
            raise ValueError(f"retry.reasons: {wrong[0]} is never tried again by itself; possible are {', '.join(RETRIED)}")
        if self.retries_max and not self.reasons:
            raise ValueError(f"retry.retries_max: name the reasons, of {', '.join(RETRIED)}")
        return self


class CollectionRules(Part):
    batch_at: Annotated[str, AfterValidator(_clock_time)] = Field(
        default="09:00", description="files are cut once a bank day at this time; empty: on every run"
    )
    approval: Literal["four-eyes", "single", "none"] = Field(
        default="four-eyes", description="who must sign a file before it leaves"
    )
    handover: Literal["portal", "folder"] = Field(
        default="portal", description="portal: a person confirms the upload; folder: writing to outbox is the hand-over"
    )
    prenotification: Literal["email", "letter", "elsewhere"] = Field(
        default="elsewhere", description="how a debtor is told; elsewhere: the invoice itself announces the debit"
    )
    prenotification_agreement: str = Field(default="", description="elsewhere: by which agreement, as reports name it")
    prenotification_days: int = Field(default=14, ge=1, le=30, description="calendar days between the notice and the due date")
    amount_max_cents: int = Field(default=5_000_000, ge=1, le=99_999_999_999, description="above: held for a person")
    debtor_month_max_cents: int = Field(default=0, ge=0, description="of one debtor in a month; above: held; 0: no limit")
    batch_max_cents: int = Field(default=0, ge=0, description="in one file; more becomes more files; 0: no limit")
    unusual_factor: int = Field(default=10, ge=0, le=1_000, description="times a debtor's usual amount: held; 0: never")
    duplicates: Literal["hold", "collect"] = Field(default="hold", description="an invoice that says the same as an earlier one")
    blocked_debtors: tuple[Annotated[str, AfterValidator(_debtor_ref)], ...] = Field(
        default=(), description="debtor references as on chain: nothing is collected from them"
    )
    retry: Retry = Field(default=Retry(), description="when a failed collection is tried again")

    @model_validator(mode="after")
    def _notices_elsewhere(self) -> CollectionRules:
        if self.prenotification == "elsewhere" and self.prenotification_days != 14:
            raise ValueError("prenotification_days counts from a notice of ours; with prenotification = 'elsewhere' leave it out")
        if self.retry.retries_max and self.prenotification == "elsewhere" and not self.prenotification_agreement:
            raise ValueError(
                "retry: an invoice announces its first debit only; send notices, or name the agreement that covers others"
            )
        return self


class AccountSettings(Part):
    id: str = Field(min_length=1, max_length=40)
    iban: str = Field(repr=False)
    bank: str = "default"
    bic: str | None = None


class CreditorSettings(Part):
    name: str = Field(min_length=1, max_length=70)
    creditor_id: str
    account: str
    wallets: tuple[Annotated[str, AfterValidator(lower_address)], ...] = ()
    trade_name: str = Field(default="", max_length=70, description="where it differs from the name: the debtor reads it first")
    ultimate_creditor: str = Field(default="", max_length=70, description="for whom is collected, where it is somebody else")
    purpose: str = Field(default="", pattern=r"^([A-Z0-9]{4})?$", description="ISO 20022 purpose code, like RENT")
    reference: Literal["text", "structured"] = Field(
        default="text", description="structured: an ISO 11649 reference made of the invoice number, where it fits"
    )
    machines: dict[Annotated[str, AfterValidator(_agreement)], Annotated[str, Field(min_length=1, max_length=35)]] = Field(
        default_factory=dict,
        description="agreement as on chain: the machine as its debtor knows it; he reads it behind the period",
    )
    collection: dict[str, Any] = Field(default_factory=dict, description="overrides [collection] for this creditor")

    @model_validator(mode="after")
    def _not_yet(self) -> CreditorSettings:
        _not_built("wallets (payment in e-money tokens)", self.wallets, ())
        return self


class Ledger(Part):
    chart: Literal["SKR03", "SKR04"] = "SKR04"

    @model_validator(mode="after")
    def _not_yet(self) -> Ledger:
        _not_built("ledger.chart (account numbers in exports)", self.chart, "SKR04")
        return self


class Settings(BaseSettings):
    """Everything that bridge.toml may say. ``home`` is the folder of the file: relative paths start there."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    environment: Literal["development", "production"] = "development"
    timezone: Annotated[str, AfterValidator(_known_zone)] = "Europe/Berlin"
    database: Database = Database()
    broker: Broker = Broker()
    logging: Logging = Logging()
    telemetry: Telemetry = Telemetry()
    keys: Keys = Keys()
    accounts: tuple[AccountSettings, ...] = ()
    creditors: tuple[CreditorSettings, ...] = ()
    sources: tuple[SourceSettings, ...] = ()
    collection: CollectionRules = CollectionRules()
    retention: Retention = Retention()
    ledger: Ledger = Ledger()
    smtp: Smtp | None = None
    home: Path = Path()
    sha256: str = ""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        _unique("account", [account.id for account in self.accounts])
        _unique("creditor", [creditor.creditor_id[:4] + creditor.creditor_id[7:] for creditor in self.creditors])
        _unique("source", [source.name.upper() for source in self.sources])
        # an EndToEndId is made of the number and unique in the whole database, whatever the source or creditor
        _unique("the invoice number", [source.number(1).upper() for source in self.sources])
        for creditor in self.creditors:
            if creditor.account not in [account.id for account in self.accounts]:
                raise ValueError(
                    f"creditor {creditor.name!r} names account {creditor.account!r}, which [[accounts]] does not declare"
                )
            rules = self.rules_for(creditor.creditor_id)
            if rules.prenotification == "email" and self.smtp is None:
                raise ValueError("prenotification = 'email' needs [smtp] with host and sender")
            told_elsewhere = rules.prenotification == "elsewhere" and not rules.prenotification_agreement
            if self.environment == "production" and told_elsewhere:
                raise ValueError("prenotification: in production send notices, or name prenotification_agreement")
        _unique("the signing key", [f"{source.chain_id} {source.attest.key}" for source in self.sources if source.attest])
        for source in self.sources:
            if source.creditor not in [creditor.creditor_id for creditor in self.creditors]:
                raise ValueError(
                    f"source {source.name!r} names creditor {source.creditor!r}, which [[creditors]] does not declare"
                )
            if self.environment == "production" and source.profile == "none":
                raise ValueError(f"source {source.name!r}: verification = 'none' is refused in production")
        return self

    def rules_for(self, creditor_id: str) -> CollectionRules:
        """[collection] with the creditor's own overrides on top."""
        for creditor in self.creditors:
            if creditor.creditor_id == creditor_id and creditor.collection:
                return CollectionRules.model_validate({**self.collection.model_dump(), **creditor.collection})
        return self.collection

    def creditor(self, creditor_id: str) -> CreditorSettings | None:
        """What is declared of a creditor; None where he is not declared any more."""
        return next((creditor for creditor in self.creditors if creditor.creditor_id == creditor_id), None)

    def path(self, relative: Path) -> Path:
        """A path of the config, taken from the folder of bridge.toml."""
        return relative if relative.is_absolute() else self.home / relative

    def folder(self, name: str) -> Path:
        """The folder ``inbox`` or ``outbox`` beside bridge.toml."""
        return self.home / name


def load(path: Path) -> Settings:
    """Read bridge.toml and the environment. Raises ConfigError that names file, key and what is wrong, never the value."""
    try:
        body = path.read_bytes()
    except FileNotFoundError as problem:
        raise ConfigError(f"{path} does not exist; run 'bridge init' in that folder, or name the file with --config") from problem
    except OSError as problem:
        raise ConfigError(f"{path} cannot be read: {problem.strerror}") from problem
    try:
        values = tomllib.loads(body.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise ConfigError(f"{path} is not valid TOML: {problem}") from problem
    _refuse_unknown_variables()
    with _SecretsFromFiles():
        try:
            return Settings(**values, home=path.resolve().parent, sha256=sha256(body).hexdigest())
        except ValidationError as problem:
            raise ConfigError(f"{path}: " + "; ".join(_in_words(error) for error in problem.errors())) from None


def _unique(what: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{what} {twice[0]!r} is declared twice")


def _in_words(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown key {where!r}"
    what = str(error["msg"]).removeprefix("Value error, ")
    return f"{where}: {what}" if where else what


def _refuse_unknown_variables() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields if name not in {"home", "sha256"}}
    for name in os.environ:
        if name.startswith(PREFIX) and name not in OTHER_VARIABLES and name.split("__")[0].removesuffix("_FILE") not in known:
            raise ConfigError(f"the environment variable {name} is no setting; known ones start with {', '.join(sorted(known))}")


class _SecretsFromFiles:
    """While it is open, ``BRIDGE_X__Y_FILE=path`` stands in the environment as ``BRIDGE_X__Y=content``."""

    def __enter__(self) -> None:
        self._before = dict(os.environ)
        names = [name for name in self._before if name.startswith(PREFIX) and name.endswith("_FILE")]
        found = {name: _content(name, self._before) for name in names if name not in OTHER_VARIABLES}
        for name, content in found.items():
            os.environ[name.removesuffix("_FILE")] = content
            del os.environ[name]

    def __exit__(self, *_: object) -> None:
        os.environ.clear()
        os.environ.update(self._before)


def _content(name: str, environment: Mapping[str, str]) -> str:
    """What the file holds that a ``..._FILE`` names. Raises ConfigError, also where the value itself stands beside it."""
    if (plain := name.removesuffix("_FILE")) in environment:
        raise ConfigError(f"{plain} and {name} are both set; unset one of the two")
    try:
        return Path(environment[name]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        why = getattr(problem, "strerror", None) or "it is no text"
        raise ConfigError(f"{name}: the file it names cannot be read ({why})") from None
