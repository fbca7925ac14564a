"""``bridge health`` over real HTTP: alive, ready or not and why, the metrics; it looks and changes nothing."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from bridge import audit_trail
from bridge.errors import Unavailable
from bridge.health import ask
from bridge.runtime import head_revision
from tests import engines
from tests.servers.valkey import free_port, valkey
from tests.shells.crew import Crew
from tests.shells.nursery import Child
from tests.steps.place import CONTRACT, DEBTOR_IBAN, NOW, OWN_IBAN, Place, half_way

BOTH = pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True, scope="session")


@dataclass(slots=True)
class Health:
    """A running ``bridge health`` and the plant it looks at."""

    people: Crew
    process: Child
    address: str

    def get(self, path: str) -> tuple[int, str]:
        """The status and the body of a page."""
        try:
            with urlopen(self.address + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as refused:
            return refused.code, refused.read().decode()


@contextmanager
def health(plant: Path, *words: str) -> Iterator[Health]:
    """The server on a free port of this machine; gone afterwards."""
    people = Crew(plant, "")
    (plant / "output-0.txt").unlink(missing_ok=True)  # of one that ran here before
    try:
        process = people.bridge("health", "--port", "0", *words)
        people.wait_until(lambda: "listening on " in people.said(process), "it listens")
        yield Health(people, process, people.said(process).partition("listening on ")[2].split('"')[0].strip())
    finally:
        people.go_home()


@pytest.fixture
def plant(engine: str, tmp_path: Path) -> Path:
    folder = tmp_path / "plant"
    half_way(folder)
    return folder


@contextmanager
def of_an_older_version(plant: Path) -> Iterator[None]:
    """While it is open the database says that it stands at 0010; it must say so still at the end."""
    with engines.plain(plant) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0010'")
    yield
    with engines.plain(plant) as connection:
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{head_revision()}'")
    assert found == "0010"


@BOTH
def test_it_answers_over_http(plant: Path) -> None:
    """Alive, ready, the metrics as text for Prometheus; any other page is 404; SIGTERM ends it with 0; nobody is named."""
    (plant / "bridge.keys").unlink()  # it opens nothing that is sealed
    with health(plant) as one:
        pages = {path: one.get(path) for path in ("/healthz", "/readyz", "/metrics", "/", "/metrics?x=1")}
        one.process.send_signal(signal.SIGTERM)

        assert one.people.code_of(one.process) == 0
        assert pages["/healthz"] == (200, "alive\n")
        assert pages["/readyz"] == (200, "database: ok\nmanifest: ok\ninbox: ok\noutbox: ok\n")
        assert pages["/metrics"][0] == pages["/metrics?x=1"][0] == 200
        assert 'bridge_collections{state="submitted"} 2.0\n' in pages["/metrics"][1]
        assert pages["/"] == (404, "there is /healthz, /readyz, /metrics\n")
        words = " ".join(body for _, body in pages.values()) + one.people.everything_said()
        assert [one for one in (DEBTOR_IBAN, OWN_IBAN, "Debtor", "Musterwerk", CONTRACT) if one in words] == []


@BOTH
def test_it_waits_for_no_writer(plant: Path) -> None:
    """While a step is in the midst of a unit of work, on SQLite the only one, whoever asks is answered at once."""
    place = Place(plant)
    with health(plant) as one, place.runtime.session() as session:
        audit_trail.note(session, at=NOW, actor="anna", act="not committed yet", object="x")
        found = [one.get(path)[0] for path in ("/readyz", "/metrics")]

    assert found == [200, 200]


@BOTH
def test_a_database_that_is_not_migrated_is_not_ready(plant: Path, engine: str) -> None:
    """503 with the command to run, for /metrics too; the process is alive, and migrates nothing, on SQLite neither."""
    with of_an_older_version(plant), health(plant) as one:
        ready, metrics, alive = one.get("/readyz"), one.get("/metrics"), one.get("/healthz")

    who = "" if engine == "sqlite" else "as the owner of the tables "
    sentence = f"the database stands at migration 0010, this version needs {head_revision()}; {who}run 'bridge db upgrade'"
    assert ready == (503, f"database: {sentence}\nmanifest: not looked at: see database\ninbox: ok\noutbox: ok\n")
    assert metrics == (503, f"{sentence}\n")
    assert alive[0] == 200


@BOTH
def test_a_restored_backup_is_not_ready(plant: Path) -> None:
    """The outbox remembers a file that the database does not: 503, as the doctor says; so says --ping."""
    manifest = plant / "outbox" / "manifest.jsonl"
    line = json.loads(manifest.read_text().splitlines()[-1])
    ahead = {**line, "sequence": line["sequence"] + 1, "message_id": "LATER-1", "sha256": "0" * 64}
    with manifest.open("a") as file:
        file.write(json.dumps(ahead) + "\n")
    with health(plant) as one:
        status, said = one.get("/readyz")
        with pytest.raises(Unavailable, match="manifest: the outbox remembers 1 file"):
            ask("127.0.0.1", int(one.address.rpartition(":")[2]))

    assert status == 503
    assert said.startswith("database: ok\nmanifest: the outbox remembers 1 file(s)")


@BOTH
@pytest.mark.parametrize("name", ["inbox", "outbox"])
def test_a_folder_that_is_away_is_not_ready(plant: Path, name: str) -> None:
    """A share that is not mounted any more: 503 with its path, for as long as it is away."""
    with health(plant) as one:
        before = one.get("/readyz")[0]
        (plant / name).rename(plant / "away")
        status, said = one.get("/readyz")

    assert (before, status) == (200, 503)
    assert f"\n{name}: {plant / name} is not there; bring it back or mount it, or make it to " in said


def test_a_database_that_is_away_is_not_ready(tmp_path: Path) -> None:
    """It starts all the same, says 503 and which one, and its password stands nowhere."""
    half_way(tmp_path / "plant")
    config = tmp_path / "plant" / "bridge.toml"
    url = "postgresql://anna:topsecret@127.0.0.1:1/bridge?connect_timeout=2"
    config.write_text(config.read_text() + f'[database]\nurl = "{url}"\n')
    with health(tmp_path / "plant") as one:
        answers = [one.get(path) for path in ("/readyz", "/metrics", "/healthz")]
        said = one.people.everything_said()

    sentence = "the database postgresql://127.0.0.1:1/bridge does not answer; try again later"
    assert [status for status, _ in answers] == [503, 503, 200]
    assert answers[0][1].startswith(f"database: {sentence}\n")
    assert answers[1][1] == f"{sentence}\n"
    assert "topsecret" not in f"{answers}{said}"


def test_a_broker_that_is_away_is_not_ready(tmp_path: Path) -> None:
    """Where a broker is configured it must answer; where it does, it is ok."""
    half_way(tmp_path / "plant")
    config = tmp_path / "plant" / "bridge.toml"
    before = config.read_text()
    config.write_text(before + f'[broker]\nurl = "redis://127.0.0.1:{free_port()}/0"\n')
    with health(tmp_path / "plant") as one:
        away = one.get("/readyz")
    with valkey() as url:
        config.write_text(before + f'[broker]\nurl = "{url}"\n')
        with health(tmp_path / "plant") as one:
            there = one.get("/readyz")

    assert (away[0], away[1].splitlines()[0]) == (503, "database: ok")
    assert "broker: the broker redis://127.0.0.1:" in away[1]
    assert there == (200, "database: ok\nbroker: ok\nmanifest: ok\ninbox: ok\noutbox: ok\n")


def test_a_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    """One sentence that names it, and the code for: try again later."""
    half_way(tmp_path / "plant")
    with health(tmp_path / "plant") as one:
        port = one.address.rpartition(":")[2]
        second = one.people.bridge("health", "--port", port)
        code, said = one.people.code_of(second), one.people.said(second)

    assert code == 5
    assert said == f"bridge: port {port} of 127.0.0.1 cannot be listened on: Address already in use; name another\n"
