"""Connections to a Dask scheduler: by its address, by its file, or to one that is started here."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from satclip_bench.benchmarks.runs import processes
from satclip_bench.core.errors import BenchError, UnfinishedError
from satclip_bench.core.program import is_own_script
from satclip_bench.core.signals import signals_held

if TYPE_CHECKING:
    from distributed import Client, LocalCluster
    from tornado.ioloop import IOLoop

CONNECT_SECONDS = 30.0
"""Time within which a scheduler has to answer, and its file has to be there."""

FILE_SECONDS = 0.1
"""Interval at which a missing scheduler file is looked for."""

RETURNING_WORKERS = {"distributed.deploy.lost-worker-timeout": "1000 days"}
"""Setting of Dask for a cluster of this process, whose killed workers then always come back.

Dask gives a worker up whose new process is not there after 15 s, which a busy machine may need to
start it.
"""

FEWER_JOBS = (
    "Finished cells are kept; run the same command again, with fewer --jobs if memory or processes "
    "are short."
)

HINT = "Start one with `dask scheduler`, or use --scheduler local"


def require_dask() -> None:
    """Raise BenchError unless Dask's distributed scheduler is installed."""
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise BenchError(
            "--scheduler needs Dask: pip install 'dask[distributed]', or 'satclip-bench[dask]'"
        ) from error


@contextmanager
def connected(address: str, warn: Callable[[str], None]) -> Iterator[Client]:
    """A client of a scheduler that runs already; it is closed after the block.

    Args:
        address: address of the scheduler, or path of its scheduler file.
        warn: function that is called with messages for the user.

    Raises:
        BenchError: no scheduler answers at the address, or the file is missing or damaged.
    """
    from distributed import Client

    path = Path(address)
    is_file = address.endswith(".json") or path.is_file()
    where = scheduler_address(path, warn) if is_file else address
    with without_log():
        try:
            _require_answer(where)
            client = Client(where, timeout=CONNECT_SECONDS, set_as_default=False)
        except Exception as error:
            # Each kind of connection has its own errors, such as TypeError for tls:// without keys.
            of_file = f", which {address} names" if is_file else ""
            raise BenchError(
                f"there is no Dask scheduler at {where}{of_file}: "
                f"{str(error) or type(error).__name__}. {HINT}"
            ) from error
        with client:
            yield client


def _require_answer(address: str) -> None:
    """Raise OSError if nothing at an address greets a client of Dask within `CONNECT_SECONDS`.

    `Client` bounds the time until a connection is there, but not that of the greeting, for which it
    would wait at the port of another program, or of a scheduler that is stopped, for ever.
    """
    import dask
    from distributed.comm.core import connect
    from distributed.security import Security
    from distributed.utils import LoopRunner

    if dask.config.get("distributed.client.security-loader", None):
        # Only `Client` knows its keys.
        return

    async def greet() -> None:
        keys = Security().get_connection_args("client")
        await (await connect(address, timeout=CONNECT_SECONDS, **keys)).close()

    try:
        # Longer than the limit of the connection, whose error says more.
        LoopRunner().run_sync(greet, callback_timeout=CONNECT_SECONDS + 1)
    except TimeoutError as error:
        raise OSError(
            f"what listens there has not answered as a scheduler within {CONNECT_SECONDS:g} s"
        ) from error


def scheduler_address(path: Path, warn: Callable[[str], None]) -> str:
    """The address in a scheduler file, which `dask scheduler --scheduler-file` writes.

    A file that is missing or not whole may be about to be written, and is waited for.

    Raises:
        BenchError: it is still missing or not whole after `CONNECT_SECONDS`, or cannot be read.
    """
    end = time.monotonic() + CONNECT_SECONDS
    waits = False
    while True:
        problem = f"{path} is not a scheduler file of Dask"
        try:
            content = json.loads(path.read_bytes())
            if isinstance(content, dict) and isinstance(content.get("address"), str):
                return str(content["address"])
        except FileNotFoundError:
            problem = f"there is no scheduler file {path}"
        except OSError as error:
            raise BenchError(
                f"the scheduler file {path} cannot be read: {error.strerror}. {HINT}"
            ) from error
        except ValueError as error:
            problem += f" ({error})"
        if time.monotonic() >= end:
            raise BenchError(
                f"{problem}, also after {CONNECT_SECONDS:g} s. Start a scheduler with `dask "
                f"scheduler --scheduler-file {path}`, or use --scheduler local"
            )
        if not waits:
            warn(f"{problem}: the run waits for it for {CONNECT_SECONDS:g} s")
            waits = True
        time.sleep(FILE_SECONDS)


@contextmanager
def local_client(count: int, scratch: Path) -> Iterator[Client]:
    """A client of a cluster on this machine, which ends with the block.

    Args:
        count: number of workers.
        scratch: folder for files that are needed only while the cluster runs.
    """
    from distributed import Client

    with (
        local_cluster(count, scratch) as cluster,
        Client(cluster, timeout=CONNECT_SECONDS, set_as_default=False) as client,
    ):
        yield client


@contextmanager
def local_cluster(count: int, scratch: Path) -> Iterator[LocalCluster]:
    """A scheduler and workers of one thread on this machine, which only this machine can reach.

    Args:
        count: number of workers.
        scratch: folder for files that are needed only while the cluster runs.

    Raises:
        UnfinishedError: its processes cannot be started.
    """
    import dask

    # What ran when a worker was killed comes back at once, and is tried once more, alone.
    settings = {"distributed.scheduler.allowed-failures": 0, **RETURNING_WORKERS}
    with _event_loop() as loop, dask.config.set(settings), ExitStack() as stack:
        # A signal would leave workers half started, about which they and Dask print tracebacks.
        with signals_held():
            cluster = stack.enter_context(_start(count, scratch, loop))
        yield cluster


def _start(count: int, scratch: Path, loop: IOLoop) -> LocalCluster:
    from distributed import LocalCluster

    try:
        return LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            # As without Dask, cells may take all memory, and the system ends what goes beyond.
            memory_limit=0,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
            local_directory=str(scratch / "dask"),
            preload=[processes.__name__],
            loop=loop,
        )
    except RuntimeError as error:
        first: BaseException = error
        while earlier := first.__cause__ or first.__context__:
            first = earlier
        script = (
            " Each worker imports your script first: what starts a run has to be below `if "
            '__name__ == "__main__":` in it.'
            if is_own_script()
            else ""
        )
        raise UnfinishedError(
            f"Dask cannot start its workers on this machine: {first!r}.{script} {FEWER_JOBS}"
        ) from error


@contextmanager
def _event_loop() -> Iterator[IOLoop]:
    """An event loop for Dask, in a thread that holds back signals, as do processes it starts.

    Processes that Ctrl-C reaches while they start would print tracebacks.
    """
    from distributed.utils import LoopRunner

    processes.start_trackers()
    runner = LoopRunner()
    try:
        with signals_held():
            runner.start()
        yield runner.loop
    finally:
        runner.stop()


@contextmanager
def without_log() -> Iterator[None]:
    """Keep Dask's own account of lost connections off the terminal: runs end with one message."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
