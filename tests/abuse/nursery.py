"""A process that has imported the program once and forks for every command it is told to run.

Each command runs in a child of its own under real limits: 4 GB more memory than the imports take,
60 seconds of processor time, and no file may be opened for writing, made, renamed or removed
outside the folder it is given. Told and answered in lines of JSON, on stdin and stdout.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

GIGABYTE = 1 << 30
MEMORY = 4 * GIGABYTE
PROCESSOR_SECONDS = 60
WALL_SECONDS = 240  # a machine that others use too; what waits for ever is ended

# All that the commands import, so that their children need not.
IMPORTED = (
    "fsrvos_cli.commands.data",
    "fsrvos_cli.commands.predict",
    "fsrvos_cli.commands.support",
    "stages.data.check",
    "stages.data.video_file",
    "stages.encoders.tiny",
    "stages.predict",
    "stages.support",
    "av",
    "cv2",
    "PIL.ImageFont",
)

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {
    "os.rename": 2,
    "os.remove": 1,
    "os.rmdir": 1,
    "os.mkdir": 1,
    "os.link": 2,
    "os.symlink": 2,
    "os.truncate": 1,
    "os.chmod": 1,
}


def watch(made: Path) -> None:
    """From now on, say on stderr of everything that is changed outside `made`."""
    home = os.path.realpath(made)

    def stray(path: object) -> bool:
        if isinstance(path, int) or path is None:
            return False
        place = os.path.realpath(Path(os.fsdecode(path)).absolute().parent)
        if os.path.realpath(path) == home:  # made where it is not there yet
            return False
        return not (place + "/").startswith(home + "/") and os.fsdecode(path) != os.devnull

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        touched: tuple[Any, ...] = ()
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING:
            touched = arguments[:1]
        elif event in _CHANGES:
            touched = arguments[: _CHANGES[event]]
        for path in touched:
            if stray(path):
                os.write(2, f"STRAY {event} {path!r}\n".encode(errors="replace"))

    sys.addaudithook(look)


def child(told: dict[str, Any]) -> None:
    """Run one command; never returns."""
    code = 70
    try:
        made = Path(told["made"])
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(made / name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ |= {"TMPDIR": str(made), "HOME": str(made), "FSRVOS_WORK": str(made / "work")}
        os.chdir(told["cwd"])
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        allowed = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        watch(made)
        from fsrvos_cli.main import run

        code = run(told["arguments"])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(process: int) -> tuple[int, int, bool]:
    """Status and peak memory in bytes of a child, and whether it had to be ended."""
    end = time.monotonic() + WALL_SECONDS
    ended = False
    while True:
        found, status, used = os.wait4(process, os.WNOHANG)
        if found:
            return status, used.ru_maxrss * 1024, ended
        if time.monotonic() > end and not ended:
            ended = True
            os.kill(process, signal.SIGKILL)
        time.sleep(0.01)


def answer(line: str) -> None:
    """Tell whoever asked."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Import the program, then serve until stdin ends."""
    sys.dont_write_bytecode = True
    for name in IMPORTED:
        importlib.import_module(name)

    answer("ready")
    for line in sys.stdin:
        process = os.fork()
        if not process:
            child(json.loads(line))
        status, peak, ended = wait(process)
        code = os.waitstatus_to_exitcode(status)
        answer(json.dumps({"code": code, "peak": peak, "ended": ended}))


if __name__ == "__main__":
    main()
