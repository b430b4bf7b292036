"""The page in a real browser, from the first stroke to a prediction with what was drawn."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from stages.data.images import read_ids
from stages.data.support import load_support
from stages.data.video_writer import VideoWriter
from tests.stages.drawing.conftest import Program

pytestmark = pytest.mark.slow

expect.set_options(timeout=300_000)  # a busy machine is no failure

HEIGHT, WIDTH = 240, 320
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def ball(centre: tuple[int, int], radius: int) -> np.ndarray:  # type: ignore[type-arg]
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return (columns - centre[0]) ** 2 + (rows - centre[1]) ** 2 <= radius**2


def film(path: Path, centres: list[tuple[int, int]], colour: tuple[int, int, int]) -> Path:
    """A ball of radius 40 that moves over grain."""
    with VideoWriter(path, 10) as video:
        for number, centre in enumerate(centres):
            grain = np.random.default_rng(number).integers(0, 24, (HEIGHT, WIDTH, 3))
            frame = np.array([70, 110, 80]) + grain
            where = ball(centre, 40)
            frame[where] = np.array(colour) + grain[where]
            video.write(frame.astype(np.uint8))
    return path


def overlap(one: np.ndarray, other: np.ndarray) -> float:  # type: ignore[type-arg]
    return float((one & other).sum() / (one | other).sum())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium. A machine without one fails: nothing here is to go untested."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert program is not None, "no Chromium on this machine; apt-get install chromium"
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def sheet(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open an address in a window of a size; whatever the page complains of fails the test."""
    complaints: list[str] = []

    def open_at(address: str, width: int, height: int, touch: bool = False) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, has_touch=touch)
        page = context.new_page()
        page.set_default_timeout(300_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text))
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(address)
        expect(page.locator("#strip img").first).to_be_visible()
        expect(page.locator("#numbered")).not_to_contain_text("…")
        return page

    yield open_at
    assert complaints == []


def place(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the frame lies in the window."""
    page.locator("#canvas").scroll_into_view_if_needed()
    box = page.locator("#canvas").bounding_box()
    assert box is not None
    return box["x"] + x * box["width"] / WIDTH, box["y"] + y * box["height"] / HEIGHT


def encircle(page: Page, centre: tuple[int, int], radius: float) -> None:
    """One stroke around a place."""
    page.mouse.move(*place(page, centre[0] + radius, centre[1]))
    page.mouse.down()
    for turn in np.linspace(0, 2 * math.pi, 40):
        x, y = centre[0] + radius * math.cos(turn), centre[1] + radius * math.sin(turn)
        page.mouse.move(*place(page, x, y))
    page.mouse.up()


def predict(page: Page, expression: str) -> None:
    """Predict, and wait for the last frame."""
    page.click("#predict")
    expect(page.locator("#trial-status")).to_contain_text(f'"{expression}" is marked in')


def fits(page: Page) -> bool:
    """Whether nothing sticks out of the window to the side."""
    return page.locator("html").evaluate("root => root.scrollWidth <= root.clientWidth")


def test_drawn_refined_tried_corrected_saved_and_predicted(
    start: Callable[..., Program], sheet: Callable[..., Page], tmp_path: Path
) -> None:
    shown = film(tmp_path / "shown.mp4", [(90 + 10 * n, 120) for n in range(6)], (200, 40, 40))
    asked = film(tmp_path / "asked.mp4", [(230 - 10 * n, 110) for n in range(8)], (200, 60, 30))
    folder = tmp_path / "balls"
    program = start(shown, folder, "--on", asked, "--checkpoint", "similarity")
    page = sheet(program.page.address, 1280, 800)
    assert fits(page)
    expect(page.locator("#save")).to_be_disabled()
    encircle(page, (90, 120), 55)
    page.click("#refine")
    expect(page.locator("#undo")).to_be_enabled()
    expect(page.locator("#refine")).to_be_enabled()
    page.click("#keep")
    expect(page.locator(".tile")).to_have_count(1)
    # Another frame, corner by corner, then painted and erased.
    page.locator("#strip img").nth(4).click()
    expect(page.locator("#numbered")).to_have_text("4 / 5")
    for x, y in ((100, 90), (160, 90), (160, 150), (100, 150), (100, 90)):
        page.mouse.click(*place(page, x, y))
    page.click("[data-tool=erase]")
    page.mouse.click(*place(page, 130, 120))
    page.click("#undo")
    page.click("[data-tool=paint]")
    page.mouse.click(*place(page, 130, 85))
    page.click("#keep")
    expect(page.locator(".tile")).to_have_count(2)
    page.fill("#sentence", "a red ball")
    predict(page, "a red ball")
    expect(page.locator("#index")).to_have_attribute("max", "7")
    # Correct what it shows on the last frame, and have it predicted with that.
    page.locator("#index").press("End")
    page.click("#correct")
    expect(page.locator("#film-title")).to_have_text("asked.mp4")
    page.click("#clear")
    page.click("[data-tool=outline]")
    encircle(page, (160, 110), 55)
    page.click("#refine")
    expect(page.locator("#refine")).to_be_enabled()
    page.click("#keep")
    expect(page.locator(".tile")).to_have_count(3)
    page.fill("#asked", "a ball")
    predict(page, "a ball")
    page.click("#save")
    expect(page.locator("#status")).to_have_text("Saved 3 frames.")
    page.click("#done")
    expect(page.locator("#status")).to_contain_text("The program has ended")
    printed, _ = program.process.communicate(timeout=120)
    assert (program.process.returncode, json.loads(printed)["frames"]) == (0, 3)

    saved = load_support(folder)
    assert saved.names == ("asked-00007", "shown-00000", "shown-00004")
    assert saved.expression == "a red ball"
    corrected, refined, cornered = saved.masks
    assert overlap(refined, ball((90, 120), 40)) > 0.93
    assert overlap(corrected, ball((160, 110), 40)) > 0.93
    square = np.zeros((HEIGHT, WIDTH), bool)
    square[90:151, 100:161] = True
    dab = ball((130, 85), 8)  # what is painted reaches out of the square, and erased is undone
    assert overlap(cornered & ~dab, square & ~dab) > 0.95
    assert cornered[84:87, 128:132].all()

    out = tmp_path / "out"
    command = ["predict", asked, "a red ball", "--support", folder, "-o", out]
    done = subprocess.run(
        [sys.executable, "-m", "fsrvos_cli", *map(str, command), "--checkpoint", "similarity"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for number in range(8):
        found = read_ids(out / f"masks/{number:05d}.png") == 1
        assert overlap(found, ball((230 - 10 * number, 110), 40)) > 0.7


def test_a_tablet_shows_all_of_it_and_takes_taps(
    start: Callable[..., Program], sheet: Callable[..., Page], tmp_path: Path
) -> None:
    shown = film(tmp_path / "shown.mp4", [(90, 120)] * 2, (200, 40, 40))
    program = start(shown, tmp_path / "balls", "--checkpoint", "similarity")
    page = sheet(program.page.address, 820, 1180, touch=True)
    assert fits(page)
    for x, y in ((60, 90), (120, 90), (120, 150), (60, 150), (60, 90)):
        page.touchscreen.tap(*place(page, x, y))
    page.locator("#keep").tap()
    expect(page.locator(".tile")).to_have_count(1)
    page.fill("#sentence", "a red ball")
    for name in ("#keep", "#predict", "#save", "#done", "#correct", "#refine"):
        box = page.locator(name).bounding_box()
        assert box is None or box["height"] >= 38, name  # what a finger hits
    page.locator("#save").tap()
    expect(page.locator("#status")).to_have_text("Saved 1 frame.")
    square = np.zeros((HEIGHT, WIDTH), bool)
    square[90:151, 60:121] = True
    assert overlap(load_support(tmp_path / "balls").masks[0], square) > 0.95
