"""The page's server: who is answered, what is kept and saved, and that nothing else is written."""

from __future__ import annotations

import io
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.data.support import load_support
from stages.data.video import read_video
from stages.drawing.masks import refined
from tests.stages.drawing.conftest import (
    FRAMES,
    HEIGHT,
    WIDTH,
    Page,
    Program,
    block,
    block_frame,
    drawn,
)

Start = Callable[..., Program]


def test_a_support_is_drawn_tried_corrected_and_saved(
    start: Start, clip: Path, untrained_run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "made" / "blocks"
    program = start(clip, folder, "--checkpoint", untrained_run)
    page = program.page
    assert page.ask("films/shown/2", "PUT", drawn(block(2)))[0] == 200
    assert page.say("predict", sentence="a red Block", asked="")[0] == 200
    while (trial := page.state()["trial"])["running"]:
        time.sleep(0.1)
    assert trial["error"] is None
    assert [row["number"] for row in trial["frames"]] == list(range(FRAMES))
    assert trial["expression"] == "a red block"
    status, found = page.ask("tried/6")
    assert status == 200 and page.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(found)) as mask:
        assert mask.size == (WIDTH, HEIGHT)
    # One of its frames, corrected, joins the support, and the next trial is given both.
    assert page.ask("films/asked/6", "PUT", drawn(block(6)))[0] == 200
    assert page.say("predict", sentence="a red block", asked="the left block")[0] == 200
    while (trial := page.state()["trial"])["running"]:
        time.sleep(0.1)
    assert (trial["error"], trial["expression"]) == (None, "the left block")
    assert not folder.parent.exists()  # nothing is written before it is saved
    assert page.say("save", sentence="A red  block") == (200, {"saved": 2})
    code, said = program.end()
    assert (code, said["frames"], said["expression"]) == (0, 2, "a red block")
    saved = load_support(folder)
    assert saved.expression == "a red block"
    assert saved.names == ("block-1-00002", "block-1-00006")
    frames = list(read_video(clip))
    for row, number in enumerate((2, 6)):
        np.testing.assert_array_equal(saved.frames[row], frames[number])
        np.testing.assert_array_equal(saved.masks[row], block(number))
    names = {"frames", "masks", "support.toml"}
    assert {path.name for path in folder.iterdir()} == names
    assert {path.name for path in tmp_path.iterdir()} == {"made"}


def test_nobody_else_is_answered(page: Page) -> None:
    assert page.address.startswith("http://127.0.0.1:")
    token = page.address.split("/")[3]
    assert len(token) >= 32
    others = (f"/{token[:-1]}/state", f"/{token}x/", "/%C3%A9/state", "//", f"//{token}/state")
    for path in ("/", "/state", "/page.js", *others):
        assert page.ask(path)[0] == 404, path
    port = page.address.split(":")[2].split("/")[0]
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", ""):
        assert page.ask("state", Host=host)[0] == 400, host
    for host in (f"localhost:{port}", f"127.0.0.1:{port}"):
        assert page.ask("state", Host=host)[0] == 200, host
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    for path in ("../serving.py", "%2e%2e/serving.py", "page%2f..%2f..%2fserving.py", "server.py"):
        assert page.ask(path)[0] == 404, path
    for name in ("page.js", "editor.js", "page.css", ""):
        assert page.ask(name)[0] == 200, name
    assert page.ask("kept/..%2f..%2fx/mask")[0] == 404
    assert page.ask("state", "POST", b"")[0] == 405


def test_what_is_wrong_is_one_line_and_changes_nothing(page: Page, tmp_path: Path) -> None:
    def refused(path: str, method: str, body: bytes) -> str:
        status, content = page.ask(path, method, body)
        assert status in (400, 404)
        line: str = json.loads(content)["error"]
        assert "\n" not in line
        return line

    put = ("films/shown/0", "PUT")
    large, bomb = io.BytesIO(), io.BytesIO()
    Image.new("1", (9_000, 9_000)).save(large, format="PNG")
    Image.new("1", (20_000, 20_000)).save(bomb, format="PNG")
    jpeg = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT)).save(jpeg, format="JPEG")
    assert "9000 x 9000 pixels, its frame 96 x 64" in refused(*put, large.getvalue())
    assert "no PNG" in refused(*put, bomb.getvalue())
    assert "no PNG" in refused(*put, jpeg.getvalue())
    assert "no PNG" in refused(*put, drawn(block())[:60])
    assert "no PNG" in refused(*put, b"")
    assert "more than 32 MB" in refused(*put, bytes(33 << 20))
    assert "nothing is drawn" in refused(*put, drawn(block() & False))
    assert "no film 'other'" in refused("films/other/0", "PUT", drawn(block()))
    assert "no frame lies from 99f" in refused("films/shown/99", "PUT", drawn(block()))
    assert "no frame 'x' is kept" in refused("kept/x", "DELETE", b"")
    assert "no frame is kept yet" in refused("save", "POST", b'{"sentence": "a block"}')
    for body in (b"", b"[]", b"[" * 100_000, b"\xff"):
        assert "expected a JSON object" in refused("save", "POST", body)
    assert page.ask(*put, drawn(block()))[0] == 200
    assert "the expression is empty" in refused("save", "POST", b'{"sentence": " "}')
    assert "the expression is empty" in refused("predict", "POST", b"{}")
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("saved", [False, True])
def test_an_interrupt_ends_it(
    start: Start, clip: Path, untrained_run: Path, tmp_path: Path, saved: bool
) -> None:
    program = start(clip, tmp_path / "s", "--checkpoint", untrained_run)
    program.page.ask("films/shown/0", "PUT", drawn(block()))
    if saved:
        program.page.say("save", sentence="a block")
    program.process.send_signal(signal.SIGINT)
    printed, said = program.process.communicate(timeout=60)
    assert program.process.returncode == (0 if saved else 130)
    assert "Traceback" not in said and (tmp_path / "s").exists() == saved
    assert ('"frames": 1' in printed) == saved


def test_a_rough_outline_is_brought_to_the_objects_edges(page: Page) -> None:
    rough = np.zeros((HEIGHT, WIDTH), bool)
    rough[17:47, 27:63] = True
    status, found = page.ask("films/shown/0/refine", "POST", drawn(rough))
    assert status == 200
    with Image.open(io.BytesIO(found)) as image:
        mask = np.asarray(image.convert("RGBA"))[..., 3] > 0

    def overlap(mask: np.ndarray) -> float:  # type: ignore[type-arg]
        return float((mask & block()).sum() / (mask | block()).sum())

    assert overlap(rough) == pytest.approx(720 / 1080)
    assert overlap(mask) > 0.8  # video smears colours over two pixels
    np.testing.assert_array_equal(refined(block_frame(0), rough), block())
