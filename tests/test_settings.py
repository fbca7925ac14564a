"""bridge.toml and the environment: an unknown key is an error, what is not built is refused by name, no secret is repeated."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from bridge.errors import ConfigError
from bridge.runtime import build, load_keys, write_keys
from bridge.settings import load

BASE = """\
[[accounts]]
id = "main"
iban = "DE02120300000000202051"
[[creditors]]
name = "Musterwerk"
creditor_id = "DE98ZZZ09999999999"
account = "main"
"""
AGREED = "[collection]\nprenotification_agreement = 'terms, 7'\n"
SOURCE = """\
[[sources]]
name = "plant-1"
creditor = "DE98ZZZ09999999999"
chain_id = 1
contract = "0x00000000000000000000000000000000000000C0"
recorded = "logs.jsonl"
"""
NODES = SOURCE.replace('recorded = "logs.jsonl"', 'rpc = ["http://a", "http://b"]')
ATTEST = '[sources.attest]\nkey = "attest.key"\n'
MAPPING = (
    '[sources.mapping]\nevent = "B(uint256 n)"\ninvoice_id = "n"\nnumber = "n"\ndebtor_ref = "n"\namount = "n"\ndecimals = 2\n'
)
TWO_SOURCES = NODES + ATTEST + NODES.replace("plant-1", "plant-2").replace("C0", "D0") + ATTEST


def written(folder: Path, body: str) -> Path:
    path = folder / "bridge.toml"
    path.write_text(body, encoding="utf-8")
    return path


def test_an_empty_file_has_the_defaults(tmp_path: Path) -> None:
    """Every setting has a value that runs; paths start at the folder of the file."""
    settings = load(written(tmp_path, ""))

    assert (settings.environment, settings.timezone, settings.collection.batch_at) == ("development", "Europe/Berlin", "09:00")
    assert (settings.collection.approval, settings.collection.handover) == ("four-eyes", "portal")
    assert settings.path(settings.keys.path) == tmp_path / "bridge.keys"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("colour = 1\n", "unknown key 'colour'"),
        ("[database]\nuri = 'x'\n", "unknown key 'database.uri'"),
        (BASE + "[[accounts]]\nid = 'main'\niban = 'X'\n", "account 'main' is declared twice"),
        (BASE.replace('account = "main"', 'account = "other"'), "names account 'other', which .* does not declare"),
        (SOURCE, "names creditor .* which .* does not declare"),
        (BASE + SOURCE + SOURCE, "'PLANT-1' is declared twice"),
        (BASE + SOURCE + 'verification = "full"\n', "recorded logs prove nothing; verification = 'none' says so"),
        (BASE + SOURCE + 'verification = "some"\n', "verification"),
        (BASE + NODES + 'verification = "none"\n', "has 2 rpc endpoints and verifies nothing; keep one, or verify"),
        (BASE + NODES + "quorum = 3\n", "a quorum of 3 cannot be reached by 2 rpc endpoint"),
        (BASE + NODES.replace("http://b", "http://a"), "lists an rpc endpoint twice"),
        (BASE + SOURCE + 'event = "Mine(bytes32)"\n', r"an own event is described in \[sources.mapping\]"),
        (BASE + SOURCE + '[sources.attest]\nkey = "k"\n', "recorded logs have no chain to write outcomes on"),
        (BASE + TWO_SOURCES, "the signing key '1 attest.key' is declared twice"),
        (BASE + NODES + ATTEST + MAPPING, "attest and tokens are the reference contract's; with mapping leave them out"),
        (BASE + SOURCE + 'rpc = ["http://x"]\n', "needs either rpc or recorded, and not both"),
        (BASE + SOURCE.replace("recorded =", "# recorded ="), "needs either rpc or recorded"),
        (BASE + SOURCE.replace("0xc0", "0xzz").replace("C0", "Z0"), "an address is 0x and 40 hex digits"),
        ('[collection]\nprenotification = "email"\n' + BASE, r"prenotification = 'email' needs \[smtp\] with host and sender"),
        ('[collection]\nprenotification = "pigeon"\n', "collection.prenotification"),
        ('[smtp]\nhost = "mail"\nsender = "nobody"\n', "smtp.sender"),
        ('[smtp]\nhost = "mail"\nsender = "a@b"\nsecurity = "ssl"\n', "smtp.security"),
        ('[collection]\nblocked_debtors = ["0x12"]\n', "64 hex digits"),
        ("[collection]\nretry = { retries_max = 1 }\n", "retry.retries_max: name the reasons, of AM04, ED05, MS03"),
        ('[collection]\nretry = { reasons = ["MD06"] }\n', "retry.reasons: MD06 is never tried again by itself"),
        ('[collection]\nretry = { reasons = ["AM04"], retries_max = 1 }\n', "an invoice announces its first debit only"),
        ('[collection]\nbatch_at = "25:00"\n', "collection.batch_at"),
        ('[collection]\napproval = "six-eyes"\n', "collection.approval"),
        ("[collection]\namount_max_cents = 0\n", "collection.amount_max_cents"),
        ('timezone = "Mars/Base"\n', "is no time zone"),
        ('environment = "production"\n' + BASE + SOURCE + AGREED, "verification = 'none' is refused in production"),
        ('environment = "production"\n' + BASE, "prenotification: in production send notices, or name prenotification_agreement"),
        ("[ledger]\nchart = 'SKR03'\n", "chart .* is not built yet"),
        ("[broker]\nurl = 'amqp://x'\n", "broker.url: an address starts with one of redis, rediss"),
        ("[broker]\nurl = 'localhost:6379'\n", "broker.url: an address starts with"),
        ("[broker]\nurl = 'redis:///0'\n", "names a host or a socket"),
        ("[broker]\nprocesses = 0\n", "broker.processes"),
        ("[broker]\nring_seconds = 0\n", "broker.ring_seconds"),
        ("[broker]\nstep_seconds_max = 1\n", "broker.step_seconds_max"),
        ("[collection]\nprenotification_days = 5\n", "with prenotification = 'elsewhere' leave it out"),
        ("timezone = 'Europe'\n", "no time zone"),
        ("[ledger]\nchart = 'SKR05'\n", "ledger.chart"),
        ("= broken\n", "is not valid TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, body: str, why: str) -> None:
    """Unknown keys, things that do not fit together, and values whose rule does not exist yet are refused by name."""
    with pytest.raises(ConfigError, match=why) as refusal:
        load(written(tmp_path, body))

    assert "bridge.toml" in str(refusal.value)
    assert "DE02120300000000202051" not in str(refusal.value)


@pytest.mark.parametrize(
    "template",
    [
        "",
        "INV {invoice_no}",
        "{source}/{invoice_no}",
        "{source}",
        "{nobody}",
        "{invoice_no",
        "{invoice_no.real.nothing}",
        "{invoice_no[0]}",
        "{invoice_no:q}",
        "{source}-{source}-{source}-{source}-{invoice_no:08d}",
        "{invoice_no:033d}",
    ],
)
def test_a_number_that_no_bank_carries_is_refused(tmp_path: Path, template: str) -> None:
    """invoice_number must give 1 to 32 of letters, digits and '-', another one for each invoice."""
    with pytest.raises(ConfigError, match="source 'plant-1'"):
        load(written(tmp_path, BASE + SOURCE + f'invoice_number = "{template}"\n'))


def test_two_sources_never_give_one_number(tmp_path: Path) -> None:
    """Templates that clash are refused when the config is loaded, in any case of letters."""
    second = SOURCE.replace("plant-1", "plant-2").replace("C0", "D0")
    with pytest.raises(ConfigError, match="the invoice number 'R-1' is declared twice"):
        load(
            written(
                tmp_path, BASE + SOURCE + 'invoice_number = "R-{invoice_no}"\n' + second + 'invoice_number = "r-{invoice_no}"\n'
            )
        )

    assert len(load(written(tmp_path, BASE + SOURCE + second)).sources) == 2


def test_a_creditor_overrides_the_rules(tmp_path: Path) -> None:
    """[creditors.collection] stands above [collection], key by key; a wrong key in it is refused."""
    rules = "[creditors.collection]\namount_max_cents = 7\n[collection]\namount_max_cents = 9\napproval = 'single'\n"
    settings = load(written(tmp_path, BASE + rules))
    own = settings.rules_for("DE98ZZZ09999999999")
    assert (own.amount_max_cents, own.approval) == (7, "single")
    assert settings.rules_for("AT61ZZZ01234567890").amount_max_cents == 9
    with pytest.raises(ConfigError, match="amount_maximum"):
        load(written(tmp_path, BASE + "[creditors.collection]\namount_maximum = 7\n"))


def test_the_environment_stands_above_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """BRIDGE_X__Y overrides the file; BRIDGE_X__Y_FILE reads it from a file, without the line end."""
    path = written(tmp_path, "[database]\nurl = 'sqlite:///a.db'\n")
    monkeypatch.setenv("BRIDGE_DATABASE__URL", "sqlite:///b.db")
    assert load(path).database.url == "sqlite:///b.db"
    monkeypatch.delenv("BRIDGE_DATABASE__URL")
    (tmp_path / "secret").write_text("sqlite:///c.db\n")
    monkeypatch.setenv("BRIDGE_DATABASE__URL_FILE", str(tmp_path / "secret"))

    assert load(path).database.url == "sqlite:///c.db"


def test_a_variable_and_its_file_are_not_both_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which one was meant nobody knows: both are named, neither value is shown, and the environment stays as it was."""
    (tmp_path / "secret").write_text("postgresql://anna:topsecret@db/bridge\n")
    monkeypatch.setenv("BRIDGE_DATABASE__URL", "sqlite:///b.db")
    monkeypatch.setenv("BRIDGE_DATABASE__URL_FILE", str(tmp_path / "secret"))
    before = dict(os.environ)
    with pytest.raises(ConfigError) as refused:
        load(written(tmp_path, ""))

    assert str(refused.value) == "BRIDGE_DATABASE__URL and BRIDGE_DATABASE__URL_FILE are both set; unset one of the two"
    assert dict(os.environ) == before


def test_a_secret_file_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named, and that its file cannot be read."""
    monkeypatch.setenv("BRIDGE_DATABASE__URL_FILE", str(tmp_path / "nothing"))
    with pytest.raises(ConfigError, match="BRIDGE_DATABASE__URL_FILE: the file it names cannot be read"):
        load(written(tmp_path, ""))


@pytest.mark.parametrize("name", ["PYTHON", "TESTDATA", "TOKEN"])
def test_what_others_read_is_no_unknown_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """``make demo BRIDGE_PYTHON=...`` hands its variable on: what make, the tests and the shell read is left alone."""
    monkeypatch.setenv(f"BRIDGE_{name}", "/usr/bin/python3")

    assert load(written(tmp_path, "")).environment == "development"


@pytest.mark.parametrize("name", ["BRIDGE_COLOUR", "BRIDGE_DATABASE__URI"])
def test_an_unknown_variable_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A BRIDGE_ variable that is no setting is refused: it was meant to change something."""
    monkeypatch.setenv(name, "x-secret-x")
    with pytest.raises(ConfigError) as refusal:
        load(written(tmp_path, ""))

    assert "x-secret-x" not in str(refusal.value)


@pytest.mark.parametrize(
    ("lines", "profile", "agreeing"),
    [
        (NODES, "full", 2),
        (NODES.replace(', "http://b"', ""), "full", 1),
        (NODES + 'verification = "bloom"\nquorum = 1\n', "bloom", 1),
        (SOURCE, "none", 0),
    ],
)
def test_the_strongest_proof_where_nothing_is_said(tmp_path: Path, lines: str, profile: str, agreeing: int) -> None:
    """Nodes are verified in full and two must agree, unless bridge.toml says otherwise; a file of logs proves nothing."""
    [source] = load(written(tmp_path, BASE + lines)).sources
    assert (source.profile, source.agreeing) == (profile, agreeing)


def test_secrets_are_never_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither repr nor a refusal shows an IBAN, a database password or a node's key."""
    settings = load(written(tmp_path, BASE + SOURCE.replace('recorded = "logs.jsonl"', 'rpc = ["https://node/v2/k3y"]')))
    monkeypatch.setenv("BRIDGE_DATABASE__URL", "postgresql://u:p4ss@h/db")
    shown = repr(settings) + repr(load(written(tmp_path, BASE)))
    assert [word for word in ("DE02120300000000202051", "k3y", "p4ss") if word in shown] == []
    with pytest.raises(ConfigError) as refusal:
        load(written(tmp_path, BASE.replace('iban = "', 'iban = ["').replace('202051"', '202051"]')))

    assert "DE02120300000000202051" not in str(refusal.value)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    """No bridge.toml: run bridge init, or name the file."""
    with pytest.raises(ConfigError, match="run 'bridge init'"):
        load(tmp_path / "bridge.toml")


def test_the_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    """A key file is made with mode 0600, refused when others may read it, and never overwritten."""
    path = tmp_path / "bridge.keys"
    write_keys(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        write_keys(path)
    assert path.read_bytes() == before
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="can be read by others; run: chmod 600"):
        load_keys(path)
    path.unlink()
    with pytest.raises(ConfigError, match="is missing; restore it from your backup"):
        load_keys(path)


def test_the_clock_is_not_set_in_production(tmp_path: Path) -> None:
    """--clock is for rehearsal: refused where environment = "production"."""
    from datetime import UTC, datetime

    with pytest.raises(ConfigError, match="refused where environment = 'production'"):
        build(written(tmp_path, 'environment = "production"\n'), clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("password", ["geheim/geheim", "geheim#geheim", "geheim?geheim", "[geheim"])
def test_a_password_that_breaks_the_address_is_not_repeated(tmp_path: Path, password: str) -> None:
    """What is special must be percent-encoded: the refusal says so, and says nothing of the password."""
    with pytest.raises(ConfigError, match="percent-encode what is special in a password") as refusal:
        load(written(tmp_path, f"[broker]\nurl = 'redis://:{password}@127.0.0.1/0'\n"))

    assert "geheim" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "scheme", "shown"),
    [
        ("redis://localhost:6379/0", "redis", "redis://localhost:6379/0"),
        ("rediss://bridge:geheim@broker:6380", "rediss", "rediss://broker:6380"),
        ("valkey://:geheim@[::1]/1", "redis", "valkey://[::1]/1"),
        ("valkeys://broker?ssl_ca_certs=/etc/ca.pem", "rediss", "valkeys://broker"),
        ("unix://:geheim@/run/valkey.sock?db=1", "unix", "unix:///run/valkey.sock"),
    ],
)
def test_a_broker_is_shown_without_its_password(tmp_path: Path, url: str, scheme: str, shown: str) -> None:
    """Redis and Valkey, with TLS or on a socket; name and password stay out of what people read."""
    broker = load(written(tmp_path, f"[broker]\nurl = '{url}'\n")).broker

    assert (broker.scheme, broker.shown) == (scheme, shown)
    assert "geheim" not in repr(broker) + str(broker)
