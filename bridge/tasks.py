"""The only door for Celery: one task without arguments for each step, and beat, which rings them.

Work is found, not sent: a message names a step and nothing else. One that is lost costs a sweep, one that comes twice or three
times finds nothing left to do, and whoever reads the broker learns neither a name nor an amount.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any

import redis
from celery import Celery, signals
from celery.beat import Scheduler
from kombu.entity import Queue
from redis.backoff import NoBackoff
from redis.retry import Retry

from bridge import logs, turns
from bridge.errors import BridgeError, ConfigError, Unavailable, unforeseen
from bridge.runtime import Runtime, TurnOver
from bridge.settings import Broker, Settings
from bridge.steps import PIPELINE

ANSWER_SECONDS = 5
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

log = logging.getLogger("bridge")


def application(settings: Settings, open_runtime: Callable[[], Runtime]) -> Celery:
    """The Celery app of a worker: a task for each step. ``open_runtime`` is called once in each process that works."""
    app = client(settings)
    runtime = once_per_process(open_runtime)
    for name in PIPELINE:
        # a task whose process died is sent again by Celery: at once, for a delay would be an ETA, which Redis repeats
        app.task(_task(app, name, runtime), name=_named(name), default_retry_delay=0, shared=False)
    return app


def client(settings: Settings) -> Celery:
    """The Celery app of whoever only rings or asks: it needs neither database nor keys."""
    app = Celery("bridge", broker=_url_for_celery(settings.broker), set_as_current=False)
    app.conf.update(configuration(settings.broker))
    return app


def configuration(broker: Broker) -> dict[str, Any]:
    """What Celery is told, each with its reason."""
    limit = broker.step_seconds_max
    return {
        # -- a message is done when its step is done
        "task_acks_late": True,  # the message outlives the process that works on it
        "task_reject_on_worker_lost": True,  # without it, a late message of a killed process counts as done and is lost
        "task_retry_on_worker_lost": True,  # a step that kills its process comes three times more, not for ever
        "task_acks_on_failure": True,  # what came of it stands in the database; a failure must not bounce
        "task_acks_on_timeout": True,
        # -- a process works on one step at a time, and not for ever
        "worker_prefetch_multiplier": 1,  # what a busy process holds back, another one could do
        "worker_concurrency": broker.processes,
        "worker_max_tasks_per_child": 200,  # whatever leaks, leaks for two hundred steps
        "task_time_limit": limit,  # then SIGKILL; the database undoes the open unit of work
        "task_soft_time_limit": limit * 9 // 10,  # then an interruption that lets the step clean up: see _interrupt
        # -- the broker may go away at any time
        "worker_cancel_long_running_tasks_on_connection_loss": True,  # their messages come again: do not work on them twice
        "worker_soft_shutdown_timeout": 30,  # SIGQUIT: running steps have so long before they are put back
        "worker_enable_soft_shutdown_on_idle": True,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # a worker waits for its broker over a weekend, too
        "broker_pool_acquire_timeout": 10,  # beat does not hang on a connection that nobody gives back
        # -- nothing of value is in a message
        "task_ignore_result": True,  # counts are logged, facts are rows
        "result_expires": None,  # no results: otherwise beat would ring a task that clears them away
        "accept_content": ["json"],  # a pickle could run code
        "task_serializer": "json",
        # -- time: business time is decided inside the steps
        "timezone": "UTC",  # Celery skips and repeats hours where the clock is changed
        "enable_utc": True,
        "broker_transport_options": {
            "visibility_timeout": limit * 3 // 2,  # longer than any step, or it would run twice at once; no ETA, which it repeats
            "unacked_restore_interval": 5,  # what a dead worker held comes back within seconds of the timeout, not minutes
            "unacked_restore_throttle": 1,
            "socket_timeout": 30,  # a broker that stopped answering is noticed
            "health_check_interval": 10,
        },
        **({"broker_use_ssl": {"ssl_cert_reqs": ssl.CERT_REQUIRED}} if broker.scheme == "rediss" else {}),
        # -- a queue for each step: they take turns, so a node that does not answer delays only its own step
        "task_queues": [Queue(_named(name)) for name in PIPELINE],  # type: ignore[no-untyped-call]
        "task_routes": {_named(name): {"queue": _named(name)} for name in PIPELINE},
        "task_create_missing_queues": False,
        "beat_schedule": {
            name: {
                "task": _named(name),
                "schedule": timedelta(seconds=broker.ring_seconds),
                "last_run_at": LONG_AGO,  # beat rings when it starts, then every so many seconds; nothing is kept on disk
            }
            for name in PIPELINE
        },
        "beat_enable_remote_control": True,  # `bridge beat --ping`
        "beat_remote_control_max_tick_age": broker.ring_seconds * 3 + 30,  # a beat that hangs does not answer
        # -- what is said goes to stderr through bridge.logs
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
    }


def work(settings: Settings, open_runtime: Callable[[], Runtime]) -> int:
    """Do what is rung for, in child processes, until SIGTERM, which lets running steps finish. Returns a code.

    Raises ConfigError, or Unavailable where the broker does not answer at the start; later a worker waits for it.
    """
    reach(settings.broker)
    if settings.database.url.startswith("sqlite") and settings.broker.processes > 1:
        raise ConfigError(
            "SQLite takes one writer at a time: set processes = 1 under [broker], or let database.url name a PostgreSQL"
        )
    _log_to_stderr(settings)
    # nobody here needs to know the other workers, and who asks for them at the start waits for their answers
    alone = {"without_gossip": True, "without_mingle": True, "without_heartbeat": True}
    name = f"worker{os.getpid()}@{socket.gethostname()}"
    worker = application(settings, open_runtime).Worker(hostname=name, loglevel="INFO", quiet=True, **alone)
    worker.start()
    return worker.exitcode or 0


def ring(settings: Settings) -> None:
    """Ring every step at once and then every ``ring_seconds``, until SIGTERM. Two that ring are harmless.

    Raises ConfigError, or Unavailable where the broker does not answer at the start; later beat waits for it.
    """
    reach(settings.broker)
    _log_to_stderr(settings)
    client(settings).Beat(hostname=f"beat@{socket.gethostname()}", scheduler_cls=Bell, loglevel="INFO", quiet=True).run()


def answers(settings: Settings, who: str) -> str:
    """The name of a ``worker`` or ``beat`` of this machine that answers. Raises ConfigError or Unavailable."""
    reach(settings.broker)
    pattern = f"{who}*@{socket.gethostname()}"
    found = client(settings).control.ping(timeout=ANSWER_SECONDS, limit=1, pattern=pattern, matcher="glob")
    if not found:
        raise Unavailable(f"no {who} of this machine answers within {ANSWER_SECONDS} seconds; start it: bridge {who}")
    return str(next(iter(found[0])))


def reach(broker: Broker) -> str:
    """Ask the broker for a sign of life; returns how it treats its memory. Raises Unavailable, or ConfigError for a password."""
    if not broker.url:
        raise ConfigError("broker.url is empty; write redis://HOST:6379/0 under [broker], or ring without a broker: bridge run")
    options = {"socket_timeout": ANSWER_SECONDS, "socket_connect_timeout": ANSWER_SECONDS, "retry": Retry(NoBackoff(), 0)}
    try:
        with redis.Redis.from_url(_url_for_redis(broker), **options) as client:
            return str(client.info("memory").get("maxmemory_policy", "unknown"))
    except redis.AuthenticationError as problem:
        raise ConfigError(f"the broker {broker.shown} refuses name or password; correct broker.url") from problem
    except (redis.RedisError, OSError) as problem:
        raise Unavailable(
            f"the broker {broker.shown} does not answer ({type(problem).__name__}); start it, or correct broker.url"
        ) from problem


def once_per_process(open_runtime: Callable[[], Runtime]) -> Callable[[], Runtime]:
    """The runtime of the process that asks, opened at its first task: no connection ever crosses a fork."""
    opened: dict[int, Runtime] = {}

    def runtime() -> Runtime:
        if os.getpid() not in opened:
            opened[os.getpid()] = open_runtime()
        return opened[os.getpid()]

    return runtime


def run(name: str, runtime: Callable[[], Runtime], again: Callable[[], object]) -> None:
    """Run one step for a turn, and ring ``again`` if there is more. Whatever happens the message is done: the rest is found."""
    signal.signal(signal.SIGUSR1, _interrupt)
    with logs.turn(name):
        _run(name, runtime, again)


def _run(name: str, runtime: Callable[[], Runtime], again: Callable[[], object]) -> None:
    try:
        opened = runtime()
        started = time.monotonic()
        with turns.remembered(opened, name) as counts:
            counts.update(PIPELINE[name][0](replace(opened, until=started + opened.settings.broker.turn_seconds)))
    except TurnOver:
        log.info("%s: more", name)
        again()
    except OutOfTime:
        log.warning("%s: stopped, because it took too long; what it had not finished it finds at the next ring", name)
    except BridgeError as refusal:
        log.warning("%s: %s", name, refusal)
    except Exception as problem:  # noqa: BLE001 - the last door: its message may quote a name or an IBAN
        log.error("%s: %s", name, unforeseen(problem))  # noqa: TRY400 - a traceback would show values
    else:
        if done := ", ".join(f"{what} {count}" for what, count in counts.items() if count):
            log.info("%s: %s", name, done, extra={"counts": counts, "seconds": round(time.monotonic() - started, 3)})


class OutOfTime(KeyboardInterrupt):
    """The soft time limit: an interruption, not an Exception. No step takes it for a bad file; a driver cancels its query."""


class Bell(Scheduler):  # type: ignore[misc]  # Celery has no types
    """Rings a step, unless a ring for it still waits: that one will find everything, and no pile grows while workers are away."""

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Ring once. A broker that is away costs this ring and is said in one line."""
        try:
            queue = self._ensure_connected().default_channel.queue_declare(queue=entry.task)
            if not queue.message_count:
                self.apply_async(entry, producer=producer, advance=False)
        except Exception as problem:  # noqa: BLE001 - beat goes on, whatever the broker does
            log.warning("%s was not rung (%s); the next ring will do", entry.name, type(problem).__name__)


def _task(app: Celery, name: str, runtime: Callable[[], Runtime]) -> Callable[[], None]:
    def again() -> None:
        try:
            app.send_task(_named(name))
        except Exception as problem:  # noqa: BLE001 - a broker that is away costs this ring
            log.warning("%s was not rung (%s); the next ring will do", name, type(problem).__name__)

    def task() -> None:
        run(name, runtime, again)

    return task


def _named(step: str) -> str:
    return f"bridge.{step}"


def _interrupt(_: int, __: FrameType | None) -> None:
    """What Celery's own exception would do, but as an interruption; Celery sends SIGUSR1 at the soft limit."""
    raise OutOfTime


def _url_for_redis(broker: Broker) -> str:
    return broker.scheme + broker.url[broker.url.index("://") :]


def _url_for_celery(broker: Broker) -> str:
    url = _url_for_redis(broker)
    if broker.scheme == "unix":  # Celery has its own words for a socket and its database number
        url = url.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=")
    return url


def _log_to_stderr(settings: Settings) -> None:
    """Our lines, and Celery's warnings; Celery's own set-up would print tracebacks with their values."""
    logs.set_up(settings.logging.format)
    signals.setup_logging.connect(_logs_are_set_up, weak=False)


def _logs_are_set_up(**_: Mapping[str, Any]) -> None:
    """A receiver of this signal is how Celery learns to leave logging alone."""
