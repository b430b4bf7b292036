"""Many videos at once: what is written where, what is left, what fails alone, what is killed."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from configs import MissingError, UsageError, load_config
from fsrvos_cli.main import run as command_line
from stages.data.excerpt import Excerpt, Moment
from stages.data.images import read_ids
from stages.data.overlay import write_mask_png, write_png
from stages.data.video_writer import write_video
from stages.predict import predict, predict_many
from stages.predicting import workers
from stages.predicting.outcomes import BatchReport
from stages.predicting.requests import Request
from stages.predicting.segmenter import Segmenter
from tests.stages.error_lines import Captured


def frames(count: int, seed: int) -> Iterator[np.ndarray]:  # type: ignore[type-arg]
    rng = np.random.default_rng(seed)
    ground = rng.integers(0, 120, (64, 96, 3), dtype=np.uint8)
    for when in range(count):
        frame = ground.copy()
        frame[20:44, 6 + when : 30 + when] = (0, 255, 0)
        yield frame


def kind(folder: Path, colour: tuple[int, int, int], sentence: str) -> Path:
    for name in ("a", "b"):
        ids = np.zeros((64, 96), np.uint8)
        ids[20:44, 8:32] = 1
        frame = np.full((64, 96, 3), 90, np.uint8)
        frame[ids > 0] = colour
        write_mask_png(folder / f"masks/{name}.png", ids)
        write_png(folder / f"{name}.png", frame)
    (folder / "support.toml").write_text(f'expression = "{sentence}"\n')
    return folder


@pytest.fixture
def ants(tmp_path: Path) -> Path:
    return kind(tmp_path / "ants", (0, 255, 0), "an ant")


@pytest.fixture
def bees(tmp_path: Path) -> Path:
    return kind(tmp_path / "bees", (255, 255, 0), "a bee")


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Three videos of 4, 5 and 6 frames."""
    for number, name in enumerate(("a", "b", "c")):
        write_video(tmp_path / f"clips/{name}.mp4", frames(4 + number, number), 25)
    return tmp_path / "clips"


def requests(clips: Path, support: Path, *names: str) -> list[Request]:
    return [Request(clips / f"{name}.mp4", "the ant", support) for name in names or "abc"]


def states(report: BatchReport) -> list[str]:
    return [outcome.state for outcome in report.outcomes]


def contents(folder: Path) -> dict[str, bytes]:
    """Masks and contact sheet: all that is the same to the byte whenever it is made."""
    found = folder.rglob("*.png")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_each_is_what_it_is_alone(
    clips: Path, ants: Path, untrained_run: Path, tmp_path: Path, jobs: int
) -> None:
    asked = requests(clips, ants, "a", "c")
    home = tmp_path / "home"
    report = predict_many(requests=asked, run=untrained_run, home=home, jobs=jobs)
    assert states(report) == ["done", "done"]
    assert [outcome.frames for outcome in report.outcomes] == [4, 6]
    for name, outcome in zip("ac", report.outcomes, strict=True):
        alone = tmp_path / f"alone-{name}"
        clip = clips / f"{name}.mp4"
        said = predict(video=clip, expression="the ant", support=ants, run=untrained_run, out=alone)
        assert contents(home / name) == contents(alone)
        assert outcome.score == pytest.approx(said.score, abs=1e-4)
        assert (outcome.present, outcome.marked) == (said.present, said.marked)
        assert ("not in this video" in outcome.line()) == (not said.present)
        scores = [json.loads((at / "scores.json").read_text()) for at in (home / name, alone)]
        assert scores[0]["frames"] == scores[1]["frames"]
        assert scores[0]["digest"] == scores[1]["digest"]


def test_the_support_is_encoded_once(
    clips: Path, ants: Path, untrained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []
    encode = Segmenter.encode_support

    def counted(self: Segmenter, shown: object) -> object:
        encoded.append("once")
        return encode(self, shown)  # type: ignore[arg-type]

    monkeypatch.setattr(Segmenter, "encode_support", counted)
    predict_many(requests=requests(clips, ants), run=untrained_run, home=tmp_path / "home")
    assert encoded == ["once"]


def test_what_is_finished_with_the_same_settings_is_left(
    clips: Path, ants: Path, untrained_run: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"

    def again(*asked: Request, **options: object) -> list[str]:
        made = predict_many(requests=asked, run=untrained_run, home=home, **options)  # type: ignore[arg-type]
        return states(made)

    a, b = requests(clips, ants, "a", "b")
    assert again(a) == ["done"]
    when = (home / "a/scores.json").stat().st_mtime_ns
    assert again(a, b) == ["finished before", "done"]
    assert (home / "a/scores.json").stat().st_mtime_ns == when
    assert again(a, b, overwrite=True) == ["done", "done"]
    # A part of it is missing: it is not finished.
    (home / "a/overlay.mp4").unlink()
    assert again(a, b) == ["done", "finished before"]
    # Another setting, another content of the support, another video under the same name.
    narrow = load_config("tiny", ["evaluate.window=2"])
    assert again(a, config=narrow) == ["done"]
    assert again(a, config=narrow) == ["finished before"]
    assert again(a) == ["done"]
    ids = read_ids(ants / "masks/a.png")
    ids[30, 50] = 1
    write_mask_png(ants / "masks/a.png", ids)
    assert again(a) == ["done"]
    write_video(clips / "a.mp4", frames(4, 9), 25)
    assert again(a) == ["done"]
    assert again(a, b) == ["finished before", "done"]
    assert sorted(path.name for path in home.iterdir()) == ["a", "b", "summary.json"]


def test_one_that_fails_stops_no_other_and_the_summary_says_which(
    clips: Path, ants: Path, untrained_run: Path, tmp_path: Path, capsys: Captured
) -> None:
    (clips / "b.mp4").write_bytes(b"no film")
    home = tmp_path / "home"
    line = ["predict", str(clips), str(clips / "gone.mp4"), "The  ant", "--support", str(ants)]
    line += ["--checkpoint", str(untrained_run), "--device", "cpu", "-o", str(home)]
    for found in ("done", "finished before"):
        assert command_line(line) == 5
        out, err = capsys.readouterr()
        assert f"2 {found}, 2 failed; summary {home / 'summary.json'}" in out
        assert "b.mp4: not a readable video" in out and "gone.mp4: no such video" in out
        assert "2 of 4 could not be done in full" in err.splitlines()[-1]
        summary = json.loads((home / "summary.json").read_text())["predictions"]
        assert [entry["state"] for entry in summary] == [found, "failed", found, "failed"]
        assert [entry["exit_code"] for entry in summary] == [0, 1, 0, 4]
    assert sorted(path.name for path in home.iterdir()) == ["a", "c", "summary.json"]


def test_where_all_fail_the_exit_code_is_theirs(
    clips: Path, untrained_run: Path, ants: Path, tmp_path: Path, capsys: Captured
) -> None:
    run = ["--checkpoint", str(untrained_run), "--device", "cpu", "-o", str(tmp_path / "home")]
    gone = str(tmp_path / "gone")
    assert command_line(["predict", str(clips), "an ant", "--support", gone, *run]) == 4
    assert "3 of 3 could not be done in full" in capsys.readouterr().err
    with pytest.raises(MissingError):
        predict_many(requests=requests(clips, ants), run=tmp_path / "none", home=tmp_path / "h")
    assert not (tmp_path / "h").exists()


def test_kinds_sentences_and_parts_have_folders_of_their_own(
    clips: Path, ants: Path, bees: Path, untrained_run: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    run = ["--checkpoint", str(untrained_run), "--device", "cpu", "-o", str(home)]
    line = ["predict", str(clips / "a.mp4"), str(clips / "b.mp4"), "-e", "An ant!", "-e", "a  bee"]
    assert command_line([*line, "--support", str(ants), "--support", str(bees), *run]) == 0
    said = {path.parent.name: json.loads(path.read_text()) for path in home.glob("*/scores.json")}
    assert {name: (s["expression"], s["support_expression"]) for name, s in said.items()} == {
        "a-an-ant": ("an ant!", "an ant"),
        "a-a-bee": ("a bee", "a bee"),
        "b-an-ant": ("an ant!", "an ant"),
        "b-a-bee": ("a bee", "a bee"),
    }
    (tmp_path / "list.csv").write_text(
        "video,expression,support,start,end\n"
        "clips/c.mp4,an ant,ants,,2f\n"
        "clips/c.mp4,an ant,ants,4f,\n"
    )
    assert command_line(["predict", "--list", str(tmp_path / "list.csv"), *run]) == 0
    names = {path.name: sorted(m.stem for m in path.glob("masks/*")) for path in home.glob("c*")}
    assert names == {"c-an-ant": ["00000", "00001"], "c-an-ant-2": ["00004", "00005"]}


def test_the_command_in_scores_makes_one_of_them_again(
    clips: Path, ants: Path, untrained_run: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (tmp_path / "list.json").write_text(
        '[{"video": "clips/c.mp4", "expression": "an ant", "start": "1f", "stride": 2},'
        ' {"video": "clips/a.mp4", "expression": "an ant"}]'
    )
    line = ["predict", "--list", str(tmp_path / "list.json"), "--support", str(ants)]
    line += ["--checkpoint", str(untrained_run), "--device", "cpu", "-o", str(home)]
    line += ["--set", "evaluate.window=3", "--max-side", "80"]
    assert command_line(line) == 0
    before = contents(home / "c")
    masks = {f"masks/0000{number}.png" for number in (1, 3, 5)}
    assert set(before) == {*masks, "contact_sheet.png"}
    assert read_ids(home / "c/masks/00001.png").shape == (53, 80)
    scores = json.loads((home / "c/scores.json").read_text())
    assert scores["excerpt"] == {"start": "1f", "stride": 2, "max_side": 80}
    (home / "c/overlay.mp4").unlink()
    assert command_line(shlex.split(scores["provenance"]["command"])[1:]) == 0
    assert contents(home / "c") == before
    again = json.loads((home / "c/scores.json").read_text())
    assert again["digest"] == scores["digest"]
    assert again["provenance"]["command"] == scores["provenance"]["command"]


def test_a_summary_never_replaces_another_file(
    clips: Path, ants: Path, untrained_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/summary.json").write_text('{"mine": 1}')
    with pytest.raises(UsageError, match="is no summary of predictions"):
        predict_many(requests=requests(clips, ants), run=untrained_run, home=tmp_path / "home")
    assert (tmp_path / "home/summary.json").read_text() == '{"mine": 1}'


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (["v.mp4"], "'v.mp4' is all there is; give VIDEO and EXPRESSION"),
        (["v.mp4", "a", "brown", "dog"], "'a' is no video; put the sentence into quotes"),
        (["x.mp4", "clips/a.mp4"], "the last argument is the sentence, and 'clips/a.mp4' is"),
        (["v.mp4", "a dog", "--list", "l.csv"], "leave out 'v.mp4'"),
        ([], "no video; give VIDEO and EXPRESSION, or --list"),
        (["v.mp4", "a dog", "--start", "soon"], "'soon' is no time"),
        (["v.mp4", "a dog", "--start", "3", "--end", "0:02"], "nothing lies from 3 to 2"),
        (
            ["v.mp4", "a dog", "--support-expression", "b", "--support-expression", "c"],
            "1 supports and 2 sentences about them",
        ),
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(
    clips: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, line: list[str], says: str
) -> None:
    monkeypatch.chdir(clips.parent)
    assert command_line(["predict", *line, "--support", "ants"]) == 2
    assert says in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.slow
def test_a_killed_process_takes_its_video_with_it_and_no_other(
    clips: Path, ants: Path, untrained_run: Path, tmp_path: Path
) -> None:
    """In processes that are started so that each is killed when it comes to b.mp4."""
    script = tmp_path / "kill.py"
    script.write_text(KILLING)
    arguments = [str(path) for path in (clips, ants, untrained_run, tmp_path / "home")]
    made = subprocess.run(
        [sys.executable, script, *arguments], capture_output=True, text=True, check=True
    )
    summary = json.loads(made.stdout)
    assert [entry["state"] for entry in summary] == ["done", "failed", "done"]
    assert "was killed, as happens when memory runs out" in summary[1]["problem"]
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == [
        *("a", "c"),
        "summary.json",
    ]


KILLING = """
import json, os, signal, sys
from pathlib import Path
from stages.predict import predict_many
from stages.predicting import session
from stages.predicting.requests import Request

read = session.read_video

def read_or_die(video, *rest, **options):
    if video.stem == "b":
        os.kill(os.getpid(), signal.SIGKILL)
    return read(video, *rest, **options)

session.read_video = read_or_die

if __name__ == "__main__":
    clips, ants, run, home = map(Path, sys.argv[1:])
    asked = [Request(clips / f"{name}.mp4", "the ant", ants) for name in "abc"]
    made = predict_many(requests=asked, run=run, home=home, jobs=2)
    print(json.dumps(made.to_json()["predictions"]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupt_leaves_what_is_finished_and_no_process(
    ants: Path, untrained_run: Path, tmp_path: Path, jobs: str
) -> None:
    write_video(tmp_path / "clips/a.mp4", frames(3, 0), 25)
    for name in ("b", "c"):
        write_video(tmp_path / f"clips/{name}.mp4", iter([next(frames(1, 1))] * 3000), 25)
    home = tmp_path / "home"
    line = [sys.executable, "-m", "fsrvos_cli", "predict", str(tmp_path / "clips"), "an ant"]
    line += ["--support", str(ants), "--checkpoint", str(untrained_run), "-o", str(home)]
    with subprocess.Popen([*line, "--jobs", jobs], stderr=subprocess.PIPE, text=True) as work:
        while not ((home / "a").exists() and list(home.glob(".b.*"))):
            assert work.poll() is None, work.stderr
            time.sleep(0.1)
        work.send_signal(signal.SIGINT)
        _, said = work.communicate()
    assert work.returncode == 130
    assert said.splitlines()[-1].startswith("fsrvos: error: interrupted")
    assert "Traceback" not in said
    # On its own, the video that was worked on keeps the frames it has, and is not finished.
    left = {path.name for path in home.iterdir()} - {"a"}
    assert left <= ({"b"} if jobs == "1" else set())
    for name in left:
        assert json.loads((home / name / "scores.json").read_text())["interrupted"]


def test_threads_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    assert [workers.threads_for(jobs) for jobs in (1, 2, 5, 16, 40)] == [16, 8, 3, 1, 1]


def test_parts_tell_predictions_apart(
    clips: Path, ants: Path, untrained_run: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    whole = Request(clips / "c.mp4", "an ant", ants)
    part = Request(clips / "c.mp4", "an ant", ants, None, Excerpt(end=Moment(frame=3)))
    for asked in (whole, part, whole, part):
        predict_many(requests=[asked], run=untrained_run, home=home)
    counts = {path.name: len(list(path.glob("masks/*"))) for path in home.glob("c*")}
    assert counts == {"c": 6, "c-2": 3}
