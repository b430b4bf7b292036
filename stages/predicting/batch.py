"""Many requests: folders for all, and answers for those that are not finished."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from configs.errors import FsrvosError
from stages.predicting.outcomes import Outcome, Task, failed, finished_before
from stages.predicting.requests import Request, distinct
from stages.predicting.session import Session, shown_for
from stages.predicting.shelf import Shelf, folder_names
from stages.predicting.workers import Setup, answer_alone, answer_side_by_side, threads_for
from stages.runtime.progress import say


def answer_all(
    session: Session, tasks: Sequence[Task], jobs: int = 1, overwrite: bool = False
) -> list[Outcome]:
    """The outcome of every task, in their order; a line on stderr as each comes.

    jobs: processes that work side by side. overwrite: also what is finished is made again.
    """
    outcomes: dict[str, Outcome] = {}
    for task in tasks:
        early = _outcome_before_work(session, task, overwrite)
        if early is not None:
            outcomes[early.out] = early
    left = [task for task in tasks if str(task.out) not in outcomes]
    for outcome in _work(session, left, jobs):
        outcomes[outcome.out] = outcome
        say(f"[{len(outcomes)}/{len(tasks)}] {outcome.head}")
    return [outcomes[str(task.out)] for task in tasks]


def tasks_for(
    requests: Sequence[Request],
    run: Path,
    home: Path,
    commands: Callable[[Request, Path], str] | None,
) -> list[Task]:
    """Requests with their folders; what is asked twice is asked once."""
    asked = distinct(requests)
    if len(asked) < len(requests):
        say(f"note: {len(requests) - len(asked)} requests are there twice and are answered once")
    shelf = Shelf(home)
    places = [
        shelf.place(request, run, name)
        for request, name in zip(asked, folder_names(asked), strict=True)
    ]
    return [
        Task(request, out, commands(request, out) if commands else "")
        for request, out in zip(asked, places, strict=True)
    ]


def _outcome_before_work(session: Session, task: Task, overwrite: bool) -> Outcome | None:
    """Of a request that is finished, or whose kind cannot be used; None of one to be answered."""
    scores = None
    try:
        if not overwrite:
            scores = session.finished(task.request, task.out)
        if scores is None:
            session.warn_of_unread(task.request)
            session.encoded_kind(task.request)
    except FsrvosError as error:
        return failed(task, error)
    return None if scores is None else finished_before(task, scores)


def _work(session: Session, tasks: Sequence[Task], jobs: int) -> Iterator[Outcome]:
    if jobs == 1 or len(tasks) < 2:
        yield from (answer_alone(session, task) for task in tasks)
        return
    kinds = {shown_for(task.request): session.encoded_kind(task.request) for task in tasks}
    setup = Setup(
        run=session.run,
        device=session.device,
        config=session.segmenter.config,
        options=session.options,
        kinds=tuple(kinds.items()),
        threads=threads_for(jobs),
        go_on=session.go_on,
    )
    yield from answer_side_by_side(setup, tasks, jobs)
