"""What every result offers: it is given frame after frame, then closed, or abandoned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from stages.predicting.answers import FrameAnswer


class Result(ABC):
    """A file or folder that is made while answers come."""

    @abstractmethod
    def add(self, answer: FrameAnswer) -> None:
        """Take the next frame's answer; frames come in order."""

    @abstractmethod
    def close(self) -> None:
        """Finish what is written: it is whole afterwards."""

    def abandon(self, error: BaseException) -> None:  # noqa: B027  # most have nothing to undo
        """Leave nothing that looks finished: the work failed with `error`."""


@contextmanager
def whole_results(results: Sequence[Result]) -> Iterator[None]:
    """Closes the results where the block ends well, and abandons them where it does not."""
    try:
        yield
        for result in results:
            result.close()
    except BaseException as error:
        for result in results:
            result.abandon(error)
        raise
