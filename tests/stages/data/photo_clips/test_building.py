"""The dataset on disk: sound, the same for a seed, whole or absent, going on after a kill."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from cache.claims import try_claim
from configs.errors import DataError, FsrvosError, UsageError
from stages.data.check import check
from stages.data.episodes import test_episodes
from stages.data.index import load_dataset
from stages.data.photo_clips import (
    Catalogue,
    ClipSettings,
    PhotoClipSettings,
    build_photo_clips,
    take,
    write_sheet,
)
from stages.data.sources import read_sources
from tests.full_disk import files_up_to

SETTINGS = PhotoClipSettings(clips_per_kind=6, seed=3, clip=ClipSettings(frames=3, longer_side=140))


def digests(root: Path) -> dict[str, str]:
    return {
        str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(root.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def built(catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("photo-clips") / "set"
    report = build_photo_clips(catalogue, out, SETTINGS)
    assert report.videos == sum(report.per_category.values())
    assert [p.name for p in out.parent.iterdir()] == ["set"]
    assert report.skipped == (
        "kind 'chair' left out: one photograph of it, and an episode takes two",
        "kind 'kite' left out: one photograph of it, and an episode takes two",
    )
    return out


def test_the_dataset_is_sound(built: Path) -> None:
    report = check(built, progress=False)
    assert report.faults == ()
    assert load_dataset(built).categories == ("ball", "hot pot")
    assert load_dataset(built).kind == "photo-clips"


def test_half_of_the_clips_show_twins(built: Path) -> None:
    dataset = load_dataset(built)
    for category, videos in dataset.by_category.items():
        twins = sum(len({e.object_id for e in dataset.videos[v].targets}) > 1 for v in videos)
        assert twins * 2 == len(videos), category
    assert len(dataset.by_category["ball"]) == 6


def test_no_sentence_fits_two_objects_of_a_clip(built: Path) -> None:
    for video in load_dataset(built).videos.values():
        said: dict[str, int] = {}
        for expression in video.expressions:
            text = expression.text.split(" ", 1)[1]
            assert said.setdefault(text, expression.object_id) == expression.object_id
            assert expression.text == expression.text.lower()


def test_each_clip_has_a_support_of_other_pictures(built: Path) -> None:
    dataset, sources = load_dataset(built), read_sources(built)
    assert set(sources) == set(dataset.videos)
    for videos in dataset.by_category.values():
        for video in videos:
            assert any(not sources[video] & sources[other] for other in videos if other != video)
        filmed = Counter(p for v in videos if "_photo_" in v for p in sources[v])
        assert set(filmed.values()) == {1}


def test_pictures_keep_their_licence_and_address(built: Path) -> None:
    content = json.loads((built / "sources.json").read_text())
    assert content["licences"] == {"4": "CC BY 2.0", "5": "CC BY-SA 2.0"}
    used = {p for pictures in content["videos"].values() for p in pictures}
    assert set(content["pictures"]) == used
    assert content["pictures"]["4"]["licence"] == 5
    assert content["pictures"]["4"]["flickr_url"] == "http://flickr.example/4"


def test_same_seed_same_bytes_whatever_the_jobs(
    built: Path, catalogue: Catalogue, tmp_path: Path
) -> None:
    build_photo_clips(catalogue, tmp_path / "again", SETTINGS, jobs=2)
    assert digests(tmp_path / "again") == digests(built)


def test_another_seed_gives_other_pictures(
    built: Path, catalogue: Catalogue, tmp_path: Path
) -> None:
    build_photo_clips(catalogue, tmp_path / "other", replace(SETTINGS, seed=4))
    name = "train/JPEGImages/ball_photo_1/00000.jpg"
    assert digests(tmp_path / "other")[name] != digests(built)[name]


_BUILD = """
import sys
from pathlib import Path
from stages.data.photo_clips import *
settings = PhotoClipSettings(6, 3, ClipSettings(frames=3, longer_side=140))
build_photo_clips(open_source(Path(sys.argv[1])), Path(sys.argv[2]), settings)
"""


def test_a_killed_build_goes_on(
    built: Path, coco: Path, catalogue: Catalogue, tmp_path: Path
) -> None:
    out, workshop = tmp_path / "set", tmp_path / ".set.building"
    with subprocess.Popen([sys.executable, "-c", _BUILD, str(coco), str(out)]) as process:
        while process.poll() is None and len(list((workshop / "making").glob("*.json"))) < 3:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    assert not out.exists()
    kept = {p: p.stat().st_mtime_ns for p in (workshop / "making").glob("*.json")}
    assert len(kept) >= 3
    marked = next(iter(kept))
    entry = json.loads(marked.read_text())
    shown = workshop / "train/JPEGImages" / marked.stem / "00000.jpg"
    inode = shown.stat().st_ino if entry else 0
    build_photo_clips(catalogue, out, SETTINGS)
    assert digests(out) == digests(built)
    if entry:  # the same file, not one made again
        assert (out / shown.relative_to(workshop)).stat().st_ino == inode
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


def test_what_another_build_left_is_thrown_away(
    built: Path, catalogue: Catalogue, tmp_path: Path
) -> None:
    left = tmp_path / ".set.building"
    (left / "making").mkdir(parents=True)
    (left / "build.json").write_text('"of other photographs"')
    (left / "making" / "ball_photo_1.json").write_text("null")
    build_photo_clips(catalogue, tmp_path / "set", SETTINGS)
    assert digests(tmp_path / "set") == digests(built)


def test_two_builds_of_one_folder_do_not_meet(catalogue: Catalogue, tmp_path: Path) -> None:
    claim = try_claim(tmp_path, ".set.building.lock")
    assert claim is not None
    with pytest.raises(UsageError, match="another build is at work"):
        build_photo_clips(catalogue, tmp_path / "set", SETTINGS)
    claim.release()


def test_a_full_disk_is_one_line_and_leaves_no_result(
    built: Path, catalogue: Catalogue, tmp_path: Path
) -> None:
    with files_up_to(2500), pytest.raises(FsrvosError, match="cannot be written"):
        build_photo_clips(catalogue, tmp_path / "set", SETTINGS)
    assert not (tmp_path / "set").exists()
    build_photo_clips(catalogue, tmp_path / "set", SETTINGS)
    assert digests(tmp_path / "set") == digests(built)


def test_a_folder_of_other_things_is_left_alone(catalogue: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(UsageError, match="exists already"):
        build_photo_clips(catalogue, tmp_path, SETTINGS)


def test_photographs_of_which_nothing_can_be_made(catalogue: Catalogue, tmp_path: Path) -> None:
    one = take(catalogue, [], ["1"])
    with pytest.raises(DataError, match="no kind has two photographs"):
        build_photo_clips(one, tmp_path / "set", SETTINGS)


@pytest.mark.parametrize(
    "change",
    [
        {"clips_per_kind": 1},
        {"seed": -1},
        {"clip": ClipSettings(frames=1)},
        {"clip": ClipSettings(least_share=0.0)},
    ],
)
def test_settings_out_of_range(change: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        replace(SETTINGS, **change)


def test_episodes_of_it_pair_different_pictures(built: Path) -> None:
    dataset, sources = load_dataset(built), read_sources(built)
    for fold in (1, 2):
        for episode in test_episodes(dataset, fold, 0, 2):
            assert not sources[episode.query.video] & sources[episode.support.video]


def test_a_sheet_shows_every_clip(built: Path, tmp_path: Path) -> None:
    write_sheet(tmp_path / "sheet.png", built)
    assert (tmp_path / "sheet.png").stat().st_size > 10_000
