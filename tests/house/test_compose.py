"""docker-compose.yml and the Dockerfile name commands, files and settings that exist, and no secret. No engine is needed."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path

import pytest

from bridge.cli.main import run
from bridge.settings import load
from tests.house.code import ROOT
from tests.house.compose import compose, image, ours, settings_of, words_of

SQLITE = "sqlite:///bridge.db"  # where nothing is told
OURS = ["migrate", "worker", "beat", "health"]


def test_the_services() -> None:
    """postgres, redis, migrate, worker, beat and health; the last four are one image, of the version of the project."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

    assert set(compose()["services"]) == {"postgres", "redis", *OURS}
    assert {name: one["image"] for name, one in ours().items()} == dict.fromkeys(OURS, f"sdd-bridge:{version}")


@pytest.mark.parametrize("service", sorted(ours()))
def test_each_command_is_one_of_ours(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The command of a service, and of its health check, is a command with a help."""
    lines = [ours()[service]["command"]]
    check = ours()[service]["healthcheck"]
    if not check.get("disable"):
        assert check["test"][:2] == ["CMD", "bridge"]
        lines.append(check["test"][2:])
    for line in lines:
        assert run([*itertools.takewhile(lambda word: not word.startswith("--"), line), "--help"]) == 0
        said = capsys.readouterr().out
        assert [word for word in line if word.startswith("--") and word not in said] == []


@pytest.mark.parametrize("service", sorted(ours()))
def test_each_variable_is_a_setting(service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What compose puts into the environment is read, secrets from files, and lands in the settings."""
    (tmp_path / "bridge.toml").touch()
    values = {
        "owner_url": "postgresql://bridge:pw@postgres/bridge",
        "database_url": "postgresql://bridge_app:pw@postgres/bridge",
        "broker_url": "redis://:pw@redis:6379/0",
        "bridge_keys": "",
    }
    for name, path in settings_of(service).items():
        file = tmp_path / Path(path).name
        file.write_text(values.get(file.name, "keys") + "\n")
        monkeypatch.setenv(name, str(file))
    found = load(tmp_path / "bridge.toml")

    told = [Path(path).name for path in settings_of(service).values()]
    typed = [Path(word).name for word in ours()[service]["command"] if word.startswith("/run/secrets/")]
    assert [*told, *typed] == ours()[service]["secrets"]
    assert found.database.url == next((values[name] for name in told if name in ("owner_url", "database_url")), SQLITE)
    assert found.broker.url == (values["broker_url"] if "broker_url" in told else "")


def test_each_sees_what_it_needs() -> None:
    """Who rings sees the broker alone, who migrates alone is the owner, who works alone has the keys; health writes nothing."""
    seen = {name: set(one["secrets"]) for name, one in ours().items()}
    owner = compose()["services"]["postgres"]["environment"]["POSTGRES_USER"]

    assert seen["beat"] == {"broker_url"}
    assert [name for name in seen if "owner_url" in seen[name]] == ["migrate"]
    assert [name for name in seen if "bridge_keys" in seen[name]] == ["worker"]
    assert ours()["health"]["volumes"] == ["./plant:/plant:ro"]
    assert f"postgresql://{owner}:" in head("owner_url")
    assert f"postgresql://{owner}:" not in head("database_url")


def head(secret: str) -> str:
    """What the head of the file says of a secret."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    [line] = re.findall(rf"^#     {secret} +(.*)$", text, flags=re.MULTILINE)
    return str(line)


def test_each_of_ours_can_do_little() -> None:
    """A file system that nobody writes to, no capability, no new privilege; a port is open to this machine alone."""
    little = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}

    assert {name: {what: one.get(what) for what in little} for name, one in ours().items()} == dict.fromkeys(OURS, little)
    ports = [port for one in compose()["services"].values() for port in one.get("ports", [])]
    assert ports == ["127.0.0.1:9109:9109"]


def test_no_secret_stands_in_it() -> None:
    """Every secret is a file outside; no variable holds one, no address holds a password."""
    text = re.sub(r"^#.*$", "", (ROOT / "docker-compose.yml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    variables = [pair for one in compose()["services"].values() for pair in one.get("environment", {}).items()]

    assert re.findall(r"://[^/\s]*:[^/\s]*@", text) == []
    assert [
        name for name, _ in variables if re.search("PASSWORD|URL|TOKEN|KEY", name) and not name.endswith(("_FILE", "PATH"))
    ] == []
    assert [
        value for name, value in variables if name.endswith(("_FILE", "PATH")) and not value.startswith("/run/secrets/")
    ] == []
    assert {one["file"] for one in compose()["secrets"].values()} == {f"./secrets/{name}" for name in compose()["secrets"]}


def test_everything_it_names_is_declared() -> None:
    """Services wait for services that say they are well; volumes and secrets are declared, and each is used."""
    services = compose()["services"]
    used = {name for one in services.values() for name in one.get("secrets", [])}
    volumes = {line.split(":")[0] for one in services.values() for line in one.get("volumes", []) if not line.startswith(".")}

    assert used == set(compose()["secrets"])
    assert volumes == set(compose()["volumes"])
    for name, one in services.items():
        for other, how in one.get("depends_on", {}).items():
            finished = how["condition"] == "service_completed_successfully"
            assert finished == (services[other].get("restart") == "no"), (name, other)
            assert finished or "test" in services[other]["healthcheck"], (name, other)


def test_nothing_runs_before_the_migration() -> None:
    """Worker, beat and health of a new version start after its migrations."""
    assert [name for name in ("worker", "beat", "health") if "migrate" not in ours()[name]["depends_on"]] == []


def test_the_broker_keeps_its_messages() -> None:
    """No message is thrown away for want of memory, and a restart loses a second at most."""
    line = " ".join(compose()["services"]["redis"]["command"])

    assert "--maxmemory-policy noeviction" in line
    assert "--appendonly yes --appendfsync everysec" in line


def test_the_image_is_made_of_files_that_exist() -> None:
    """Each COPY takes what is in the checkout, all of what the wheel needs, and packages come by hash alone."""
    copied = [word for step, rest in image() if step == "COPY" and "--from" not in rest for word in rest.split()[:-1]]
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    installs = [rest for step, rest in image() if step == "RUN" and "pip install" in rest]

    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert {name.split("/")[0] for name in (*wheel["packages"], *wheel["force-include"])} <= set(copied)
    assert [line for line in installs if "--require-hashes" not in line and "--no-index" not in line] == []


def test_the_image_is_nobody_in_particular() -> None:
    """It ends as a user without rights, starts ``bridge``, and has a health check that is a command."""
    users = [rest for step, rest in image() if step == "USER"]

    assert users == ["10001"]
    assert words_of("ENTRYPOINT") == ["bridge"]
    assert run([*words_of("HEALTHCHECK")[1:], "--help"]) == 0
    assert run(words_of("CMD")) == 0
