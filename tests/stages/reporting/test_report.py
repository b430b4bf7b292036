"""The page: whole, self-contained, safe, and honest about what is missing."""

from __future__ import annotations

import base64
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from configs.errors import FsrvosError, MissingError, UsageError
from stages.report import write_report

EVALUATION = "evaluations/data-fold1-davis-seeds2-0a1b2c3d"


def evaluation_of(run: Path) -> Path:
    return run / EVALUATION


VOID = {"meta", "img", "br", "hr", "link", "input"}
SVG_LEAVES = {"line", "rect", "circle", "polyline", "path"}


class Reader(HTMLParser):
    """Collects the text and the attributes, and checks that tags are closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SVG_LEAVES
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1] != "style":
            self.text.append(data.strip())


def read(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert reader.open == []
    return reader


def test_the_page_says_what_the_score_says(run: Path) -> None:
    reader = read(write_report(runs=[run]))
    score = json.loads((evaluation_of(run) / "score.json").read_text())
    text = " ".join(reader.text)
    for name in ("J", "F", "JF"):
        assert f"{score[name]:.1f}" in reader.text
    low, high = score["interval"]["JF"]
    assert f"± {(high - low) / 2:.1f}" in text
    control = score["controls"]["wrong_support"]
    assert f"{control['drop_JF']:.1f} J&F" in reader.text
    assert "met" in reader.text
    assert f"{score['per_category']['dog']['JF']:.1f} J&F, n 3" in reader.text
    assert 'affinity = "self"' in text
    assert "fsrvos evaluate --run R" in text
    assert score["provenance"]["versions"]["numpy"] in reader.text


def test_the_page_needs_nothing_from_elsewhere(run: Path) -> None:
    path = write_report(runs=[run])
    reader = read(path)
    for tag, name, value in reader.attributes:
        if name in ("src", "href"):
            assert value.startswith("data:image/jpeg;base64,"), (tag, name, value[:40])
    html = path.read_text()
    assert not re.search(r"<script|@import|url\(|https?://", html)
    assert path == run / "report.html"
    assert not list(run.glob(".*partial"))


def test_text_from_files_is_escaped(run: Path) -> None:
    html = write_report(runs=[run]).read_text()
    assert "<b>big</b>" not in html
    assert "the &lt;b&gt;big&lt;/b&gt; dog &amp; &#34;its&#34; shadow" in html


def test_markup_in_a_score_a_log_or_a_configuration_stays_text(run: Path) -> None:
    """In the page, in its charts and in their labels."""
    evil = '"><script>alert(1)</script>'
    path = evaluation_of(run) / "score.json"
    score = json.loads(path.read_text())
    score["per_category"] = {evil: score["per_category"]["dog"]}
    score["controls"]["wrong_support"]["required"] = evil
    score["protocol"] = "davis"
    score["provenance"]["versions"]["numpy"] = evil
    path.write_text(json.dumps(score))
    (run / "config.toml").write_text(f"# {evil}")
    with (run / "metrics.jsonl").open("w") as log:
        for step in (1, 2):
            log.write(json.dumps({"step": step, "loss": 1.0, f"loss{evil}": 2.0}) + "\n")
    page = write_report(runs=[run])
    assert "<script" not in page.read_text()
    text = " ".join(read(page).text)
    assert text.count(evil) == 5  # category, rule, version, configuration, curve


def test_samples_show_prediction_and_truth(run: Path) -> None:
    """Best and worst of three episodes, and the pixels where the mask is are the mask's colour."""
    from stages.reporting.pictures import MASK_COLOUR, sample_episodes

    score = json.loads((evaluation_of(run) / "score.json").read_text())
    found = sample_episodes(evaluation_of(run) / "predictions.h5", Path(score["data"]), "davis")
    assert [(item.rank, item.info.video) for item in found] == [
        ("best", "v1"),
        ("median", "v2"),
        ("worst", "v3"),
    ]
    assert (found[0].j, found[-1].j) == (100, 0)
    assert [len(item.support) for item in found] == [2, 2, 2]
    for item, filled in ((found[0], True), (found[-1], False)):
        data = base64.b64decode(item.frames[0][0].removeprefix("data:image/jpeg;base64,"))
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        assert picture.shape == (240, 400, 3)  # eight times 30 x 50
        inside = picture[14 * 8, 18 * 8].astype(int)
        distance = int(np.abs(inside - np.array(MASK_COLOUR)).max())
        assert (distance < 80) == filled


@pytest.mark.parametrize(
    ("remove", "said"),
    [
        (f"{EVALUATION}/score.json", "No score yet: run `fsrvos score"),
        (f"{EVALUATION}/predictions.h5", "No predictions yet: run `fsrvos evaluate"),
        ("metrics.jsonl", "No training log: metrics.jsonl is missing"),
        ("config.toml", "No configuration: config.toml is missing"),
    ],
)
def test_what_is_missing_is_said(run: Path, remove: str, said: str) -> None:
    (run / remove).unlink()
    assert said in " ".join(read(write_report(runs=[run])).text)


def test_an_empty_run_still_makes_a_page(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    text = " ".join(read(write_report(runs=[tmp_path / "new"])).text)
    assert "No predictions yet" in text
    assert "No training log" in text


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"J": 1, "F": 2, "JF": 3}', '{"J": "a"}'])
def test_a_malformed_score_is_said(run: Path, content: str) -> None:
    (evaluation_of(run) / "score.json").write_text(content)
    assert "score.json is malformed" in " ".join(read(write_report(runs=[run])).text)


def test_a_dataset_that_is_gone_is_said(run: Path, tmp_path: Path) -> None:
    text = " ".join(read(write_report(runs=[run], data_root=tmp_path / "gone")).text)
    assert "No sample pictures: " in text
    assert str(tmp_path / "gone") in text


def test_a_log_cut_short_is_read_as_far_as_it_goes(run: Path) -> None:
    text = " ".join(read(write_report(runs=[run])).text)
    assert "1 unreadable lines in metrics.jsonl were passed over." in text
    assert "2.00 steps a second (medians)." in text


def test_several_runs_are_compared(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "runs" / "data-full-fold2"
    shutil.copytree(run, other)
    (evaluation_of(other) / "score.json").unlink()
    out = tmp_path / "both.html"
    reader = read(write_report(runs=[run, other], out=out))
    assert "2 runs" in reader.text
    assert "not scored" in reader.text
    assert reader.text.count("data-full-fold2") == 2  # in the comparison and as a heading


def test_an_evaluation_is_reported_where_it_lies(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its run's configuration and log, also where the run is elsewhere or packaged."""
    evaluation = evaluation_of(run)
    assert write_report(runs=[evaluation]) == evaluation / "report.html"
    text = " ".join(read(evaluation / "report.html").text)
    assert 'affinity = "self"' in text and "steps a second" in text
    alone = tmp_path / "alone"
    shutil.copytree(evaluation, alone)
    text = " ".join(read(write_report(runs=[alone])).text)
    assert 'affinity = "self"' not in text and "J&F, percent" in text
    monkeypatch.setattr("stages.report.is_packaged", lambda folder: folder == run)
    with pytest.raises(UsageError, match="--out"):
        write_report(runs=[run])


def test_wrong_arguments(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run named"):
        write_report(runs=[])
    with pytest.raises(MissingError, match="no such run"):
        write_report(runs=[tmp_path / "none"])
    (tmp_path / "file").write_text("")
    with pytest.raises(FsrvosError, match="cannot be written"):
        write_report(runs=[run], out=tmp_path / "file" / "page.html")
