"""The services of docker-compose.yml as plain processes: the same words, the same variables, the same health checks."""

from __future__ import annotations

import shlex
import signal
from pathlib import Path

from tests.house.compose import compose, ours, settings_of
from tests.servers.valkey import valkey
from tests.shells.crew import Crew
from tests.steps.place import Place, half_way

PASSWORD = "horse battery"


def test_the_services_run_as_plain_processes(tmp_path: Path) -> None:
    """migrate ends with 0; beat and worker get well and take every invoice on its way; SIGTERM ends them with 0."""
    plant = tmp_path / "plant"
    half_way(plant)
    with valkey(*broker_options(), "--requirepass", PASSWORD) as url:
        people = Crew(plant, url.replace("redis://", "redis://:horse%20battery@"))
        secrets = {
            "database_url": written(tmp_path / "database_url", "sqlite:///bridge.db"),
            "broker_url": written(tmp_path / "broker_url", people.url),
            "bridge_keys": plant / "bridge.keys",
        }
        try:
            migrate = people.service(*ours()["migrate"]["command"], **variables("migrate", secrets))
            assert people.code_of(migrate) == 0
            started = {name: people.service(*ours()[name]["command"], **variables(name, secrets)) for name in ("beat", "worker")}
            people.wait_until(lambda: len(Place(plant).states()) == 4, "the two new collections")
            checks = [people.service(*ours()[name]["healthcheck"]["test"][2:], **variables(name, secrets)) for name in started]

            assert [people.code_of(check) for check in checks] == [0, 0], people.everything_said()
            for process in started.values():
                process.send_signal(signal.SIGTERM)
            assert [people.code_of(process) for process in started.values()] == [0, 0]
            assert PASSWORD not in people.everything_said()
        finally:
            people.go_home()


def variables(service: str, secrets: dict[str, Path]) -> dict[str, str]:
    """The environment of a service, its secrets where they lie here; SQLite takes one process."""
    return {name: str(secrets[Path(path).name]) for name, path in settings_of(service).items()} | {
        "BRIDGE_BROKER__PROCESSES": "1"
    }


def broker_options() -> list[str]:
    """How compose starts the broker, without its password."""
    words = shlex.split(compose()["services"]["redis"]["command"][-1])
    return words[words.index("valkey-server") + 1 : words.index("--requirepass")]


def written(path: Path, content: str) -> Path:
    path.write_text(content + "\n", encoding="utf-8")
    return path
