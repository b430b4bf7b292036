"""A clip with one bright block, the page's server on it, and a client as a page is one."""

from __future__ import annotations

import http.client
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from stages.data.video_writer import VideoWriter
from stages.drawing.serving import serve
from stages.drawing.studio import Studio

HEIGHT, WIDTH, FRAMES = 64, 96, 7
BLOCK = np.s_[20:44, 30:60]


def block_frame(when: int, seed: int = 5) -> NDArray[np.uint8]:
    """Grain [64, 96, 3] with a block of another colour, `when` pixels to the right of BLOCK."""
    grain = np.random.default_rng(seed).integers(0, 20, (HEIGHT, WIDTH, 3))
    frame = (np.array([60, 90, 60]) + grain).astype(np.uint8)
    frame[20:44, 30 + when : 60 + when] = (220, 40, 40) + grain[20:44, 30 + when : 60 + when]
    return frame


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "Block 1.mp4"
    with VideoWriter(path, 25) as film:
        for when in range(FRAMES):
            film.write(block_frame(when))
    return path


def drawn(mask: NDArray[np.bool_]) -> bytes:
    """A mask as the page sends it."""
    pixels = np.zeros((*mask.shape, 4), np.uint8)
    pixels[mask] = (255, 40, 120, 255)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="PNG")
    return content.getvalue()


def block(when: int = 0) -> NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[20:44, 30 + when : 60 + when] = True
    return mask


@dataclass
class Page:
    """A client of the server at an address."""

    address: str
    headers: dict[str, str] = field(default_factory=dict)

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes]:
        """Status and content; `path` begins with a slash where it is not below the token."""
        at = urlsplit(self.address)
        connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=120)
        place = path if path.startswith("/") else at.path + path
        connection.request(method, place, body, headers)
        answer = connection.getresponse()
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        content = answer.read()
        connection.close()
        return answer.status, content

    def say(self, path: str, **said: str) -> tuple[int, Any]:
        status, content = self.ask(path, "POST", json.dumps(said).encode())
        return status, json.loads(content)

    def state(self) -> Any:
        return json.loads(self.ask("state")[1])


@dataclass
class Program:
    """`fsrvos support draw` in a process of its own."""

    process: subprocess.Popen[str]
    page: Page

    def end(self) -> tuple[int, Any]:
        """Exit code and what the program printed as JSON."""
        self.page.ask("done", "POST")
        printed, _ = self.process.communicate(timeout=120)
        return self.process.returncode, json.loads(printed)


@pytest.fixture
def start() -> Iterator[Callable[..., Program]]:
    """Start the program and give its page. Ended when the test does."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: object) -> Program:
        command = [sys.executable, "-m", "fsrvos_cli", "support", "draw", *map(str, arguments)]
        process = subprocess.Popen(
            [*command, "--no-browser", "--json", "--device", "cpu"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if found := re.search(r"http://\S+", line):
                return Program(process, Page(found[0]))
        raise AssertionError(said)

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def page(clip: Path, tmp_path: Path) -> Iterator[Page]:
    """The page of a server that would save to the folder "s", and has no network."""

    def none() -> Any:
        raise AssertionError("nothing is to be predicted")

    lines: Queue[str] = Queue()
    studio = Studio(clip, tmp_path / "s", None, none)
    thread = Thread(target=serve, args=(studio,), kwargs={"browse": False, "tell": lines.put})
    thread.start()
    address = lines.get(timeout=60).split()[-1]
    yield Page(address)
    Page(address).ask("done", "POST")
    thread.join()
