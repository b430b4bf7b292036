"""Ctrl-C and SIGTERM in training: a step that has begun is finished, and its result is saved."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Launchers pass on a Ctrl-C that the terminal has told everyone already.
_ECHO_SECONDS = 2.0


class Interruption:
    """Within the context, both signals raise KeyboardInterrupt: at once, but where held back later.

    requested: whether one came while it was held back. A second one, later than an echo of the
    first, raises at once. Threads other than the main one, which gets no signals, install nothing.
    """

    def __init__(self) -> None:
        self.requested = False
        self._holding, self._first = False, 0.0
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._former = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """While this lasts, the first signal is noted instead of raised."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.requested and now - self._first < _ECHO_SECONDS:
            return
        if not self._holding or self.requested:
            raise KeyboardInterrupt
        self.requested, self._first = True, now
