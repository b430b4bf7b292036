"""Videos predicted side by side, each in a process that may fail without the others.

A process that is killed, as systems do when memory runs out, takes its video with it and no other.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import torch

from configs import Config
from configs.errors import FsrvosError
from stages.predicting.kinds import Kind
from stages.predicting.options import PredictOptions
from stages.predicting.outcomes import Outcome, Task, done, failed
from stages.predicting.requests import Shown
from stages.predicting.session import Session
from stages.runtime import progress


class KilledError(FsrvosError):
    """The process that predicted a video is gone."""


@dataclass(frozen=True)
class Setup:
    """What a process needs to answer: a run, and the kinds with their frames encoded."""

    run: Path
    device: str
    config: Config | None
    options: PredictOptions
    kinds: tuple[tuple[Shown, Kind], ...]
    threads: int
    go_on: bool = False

    def session(self) -> Session:
        """A session that encodes nothing again."""
        session = Session(self.run, self.device, self.config, self.options, self.go_on)
        for shown, kind in self.kinds:
            session.adopt(shown, kind)
        return session


def answer_alone(session: Session, task: Task) -> Outcome:
    """One request's outcome, whatever goes wrong with it."""
    try:
        return done(task, session.answer(task.request, task.out, task.command))
    except Exception as error:
        return failed(task, error)


def answer_side_by_side(setup: Setup, tasks: Sequence[Task], jobs: int) -> Iterator[Outcome]:
    """Outcomes as they come, from `jobs` processes. They stop when the caller does."""
    waiting = deque(tasks)
    while waiting:
        flying: dict[Future[Outcome], Task] = {}
        try:
            with _pool(setup, min(jobs, len(waiting))) as pool:
                yield from _fly(pool, waiting, flying, jobs)
        except BrokenProcessPool:
            for future, task in flying.items():
                lost = not future.done() or future.exception() is not None
                yield _answer_in_own_process(setup, task) if lost else future.result()


def _fly(
    pool: ProcessPoolExecutor,
    waiting: deque[Task],
    flying: dict[Future[Outcome], Task],
    jobs: int,
) -> Iterator[Outcome]:
    """No more at a time than there are processes, so that a broken pool loses only those."""
    try:
        while waiting or flying:
            while waiting and len(flying) < jobs:
                task = waiting.popleft()
                flying[pool.submit(_answer, task)] = task
            finished, _ = wait(flying, return_when=FIRST_COMPLETED)
            for future in finished:
                outcome = future.result()
                del flying[future]
                yield outcome
    except BrokenProcessPool:
        raise
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise


def _answer_in_own_process(setup: Setup, task: Task) -> Outcome:
    try:
        with _pool(setup, 1) as pool:
            return pool.submit(_answer, task).result()
    except BrokenProcessPool:
        return failed(
            task,
            KilledError(
                "the process that predicted it was killed, as happens when memory runs out; "
                "try fewer --jobs, or smaller frames with --max-side"
            ),
        )


def _pool(setup: Setup, jobs: int) -> ProcessPoolExecutor:
    # A fork would share the threads and locks that torch holds at that moment.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, context, initializer=_start, initargs=(setup,))


_session: Session | None = None
_busy = False


def _start(setup: Setup) -> None:
    """In the new process: the terminal's Ctrl-C is the caller's to hand on."""
    global _session
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    torch.set_num_threads(setup.threads)
    progress.silence()
    _session = setup.session()


def _stop(*_: object) -> None:
    if _busy:
        raise KeyboardInterrupt
    raise SystemExit(0)


def _answer(task: Task) -> Outcome:
    global _busy
    assert _session is not None
    _busy = True
    try:
        return answer_alone(_session, task)
    finally:
        _busy = False


def threads_for(jobs: int) -> int:
    """Threads of each of several processes, so that together they have one a core."""
    return max(1, (os.cpu_count() or 1) // jobs)
