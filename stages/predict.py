"""One video, a sentence and a support folder -> masks, an overlay video, scores.

video ──frames──▶ encoder ──maps──▶ network (with the support's maps and the words) ──▶ masks

Frames are read once and go through in windows, so memory does not grow with the video.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cache.whole import replace_text, require_replaceable, whole_folder
from configs.errors import DataError
from stages.data.files import clean_expression
from stages.data.overlay import (
    Tile,
    contact_sheet,
    evenly,
    overlay_frame,
    write_mask_png,
    write_png,
)
from stages.data.resize import network_size, resize_frame, resize_mask
from stages.data.support import SupportSet, load_support
from stages.data.video import VideoSource, read_video
from stages.data.video_writer import VideoWriter
from stages.encoders.unread import warn_of_unread
from stages.feeding.batches import EpisodeBatch, make_words, stack_pyramids
from stages.feeding.inference import Answer, Frame, answers, run_model
from stages.feeding.sources import LiveEncoders
from stages.model.inputs import FramePyramid, Support, Words
from stages.runs.checkpoint import digest_of_run, load_checkpoint, require_encoders
from stages.runtime.allocator import keep_freed_memory
from stages.runtime.device import require_one_process
from stages.runtime.progress import say, track
from stages.runtime.provenance import provenance

MASKS, OVERLAY, SHEET, SCORES = "masks", "overlay.mp4", "contact_sheet.png", "scores.json"
NAMES = (MASKS, OVERLAY, SHEET, SCORES)
SHEET_TILES = 12
MASK_ID = 1


@dataclass(frozen=True)
class PredictReport:
    """Where everything was written, and how sure the network is. `score` is in [0, 1].

    The object is marked in `marked` of `frames` frames. `shortfall` is None, or says in one line
    how much of the video could not be read.
    """

    video: str
    expression: str
    frames: int
    marked: int
    score: float
    masks: str
    overlay: str
    contact_sheet: str
    scores: str
    shortfall: str | None = None

    def table(self) -> str:
        """Lines for people, the answer first."""
        nothing = "" if self.marked else ": nothing that fits was found"
        places = (("masks", self.masks), ("overlay", self.overlay), ("sheet", self.contact_sheet))
        return "\n".join(
            [
                f"{self.video}: {self.expression!r}",
                f"marked in {self.marked} of {self.frames} frames{nothing}; score {self.score:.2f}",
                *(f"{name:<8}{place}" for name, place in (*places, ("scores", self.scores))),
            ]
        )


class Segmenter:
    """A run's network with its encoders: encodes the support and the sentence once."""

    def __init__(self, run_dir: Path, device: str) -> None:
        loaded = load_checkpoint(run_dir, device)
        self.config, self.model = loaded.config, loaded.model
        self.device = torch.device(device)
        self.encoders = LiveEncoders(self.config.encoder, device)
        require_encoders(loaded.encoders, self.encoders.present, run_dir)

    def support(self, shown: SupportSet) -> Support:
        """Maps, words and masks of the annotated frames; S frames of any sizes on one canvas."""
        sizes = [self.size(frame) for frame in shown.frames]
        pyramids = [self.encode([frame]) for frame in shown.frames]
        stacked = stack_pyramids(pyramids, sizes)
        height, width = (int(side) for side in stacked.size.amax(0))
        if stacked.padding is not None:
            height, width = stacked.padding.shape[-2:]
        masks = torch.zeros(1, len(sizes), height, width)
        for row, (mask, size) in enumerate(zip(shown.masks, sizes, strict=True)):
            small = resize_mask(mask.astype(np.uint8), size)
            if not small.any():
                raise DataError(
                    f"the support's object in {shown.names[row]} is smaller than a pixel of the "
                    f"{size[1]} x {size[0]} that the network sees; mark it in a frame nearer to it"
                )
            masks[0, row, : size[0], : size[1]] = torch.from_numpy(small)
        return Support(as_clip(stacked), self.words(shown.expression), masks.to(self.device))

    def words(self, sentence: str) -> Words:
        """The sentence's states."""
        return make_words([self.encoders.text(sentence)], self.device)

    def segment(self, frames: Sequence[Frame], words: Words, support: Support) -> Answer:
        """One window's answer at the frames' own size."""
        query = stack_pyramids([self.encode(frames)], [self.size(frames[0])])
        batch = EpisodeBatch(query=query, words=words, support=support)
        said = run_model(self.model, batch, self.config.train.precision)
        own = (frames[0].shape[0], frames[0].shape[1])
        pictures = [frames] if self.config.evaluate.sharpen else None
        return answers(said, query, self.model.mask_stride, [own], pictures)[0]

    def encode(self, frames: Sequence[Frame]) -> list[Tensor]:
        """Four maps [T, C, h, w] of equally large frames."""
        size = self.size(frames[0])
        return self.encoders.maps([resize_frame(frame, size) for frame in frames])

    def size(self, frame: Frame) -> tuple[int, int]:
        """Network input size (H, W) of a frame."""
        height, width = frame.shape[:2]
        return network_size(height, width, self.config.features, "the video or its support")


def predict(
    *,
    video: Path,
    expression: str,
    support: Path,
    support_expression: str | None = None,
    run: Path,
    out: Path,
    device: str = "cpu",
    command: str = "",
) -> PredictReport:
    """Segment the described object in every frame of `video` and write the folder `out`.

    `out` is whole or absent; a former result there is replaced in the end, and anything else is
    refused. A video that is cut short is segmented as far as it goes, and the report says so.
    support_expression: counts instead of the support folder's own sentence. command: kept as
    provenance. Raises UsageError (`out`), MissingError or DataError.
    """
    require_one_process()
    keep_freed_memory()
    sentence = clean_expression(expression, "EXPRESSION")
    require_replaceable(out, NAMES)
    shown = load_support(support, expression=support_expression)
    for remark in shown.remarks:
        say(f"note: {remark}")
    source = read_video(video)
    segmenter = Segmenter(run, device)
    for text in (sentence, shown.expression):
        warn_of_unread(segmenter.encoders.words, text)
    annotated, words = segmenter.support(shown), segmenter.words(sentence)
    with whole_folder(out, NAMES) as folder:
        shows = _draw(segmenter, source, sentence, words, annotated, folder)
        score = float(np.mean([shown.presence for shown in shows]))
        marked = sum(shown.marked for shown in shows)
        scores = {
            "video": str(video.absolute()),
            "expression": sentence,
            "support": str(support.absolute()),
            "support_expression": shown.expression,
            "run": str(run.absolute()),
            "score": round(score, 4),
            "marked": marked,
            "shortfall": source.shortfall,
            "frames": [
                {"frame": shown.name, "score": round(shown.presence, 4), "present": shown.marked}
                for shown in shows
            ],
            "provenance": _provenance(segmenter, run, device, command),
        }
        replace_text(folder / SCORES, json.dumps(scores, indent=1) + "\n")
    return PredictReport(
        video=str(video),
        expression=sentence,
        frames=len(shows),
        marked=marked,
        score=score,
        masks=str(out / MASKS),
        overlay=str(out / OVERLAY),
        contact_sheet=str(out / SHEET),
        scores=str(out / SCORES),
        shortfall=source.shortfall,
    )


def _provenance(segmenter: Segmenter, run: Path, device: str, command: str) -> dict[str, Any]:
    digests = {
        "weights": digest_of_run(run),
        "vision": segmenter.encoders.present.vision_digest,
        "text": segmenter.encoders.present.text_digest,
    }
    settings = asdict(segmenter.config)
    return provenance(command=command, device=device, settings=settings, digests=digests)


def _draw(
    segmenter: Segmenter,
    source: VideoSource,
    sentence: str,
    words: Words,
    annotated: Support,
    folder: Path,
) -> list[Shown]:
    """Masks, overlay and contact sheet into `folder`."""
    shows: list[Shown] = []
    tiles = SpreadTiles(SHEET_TILES)
    with VideoWriter(folder / OVERLAY, source.fps) as film:
        frames = track(source, total=source.expected or None, description="predict")
        for window in windows(frames, segmenter.config.evaluate.window):
            answer = segmenter.segment(window, words, annotated)
            for frame, mask, presence in zip(window, answer.masks, answer.presence, strict=True):
                name = source.name(len(shows))
                write_mask_png(folder / MASKS / f"{name}.png", mask.astype(np.uint8) * MASK_ID)
                drawn = overlay_frame(frame, mask, sentence, float(presence))
                film.write(drawn)
                tiles.offer(Tile(drawn, f"frame {name}"))
                shows.append(Shown(name, float(presence), bool(mask.any())))
    write_png(folder / SHEET, contact_sheet(tiles.chosen(), title=sentence))
    return shows


@dataclass(frozen=True)
class Shown:
    """A frame's answer in short: the network's score in [0, 1], and whether any pixel is marked."""

    name: str
    presence: float
    marked: bool


class SpreadTiles:
    """Tiles spread over a video of unknown length; fewer than twice `wanted` are ever held."""

    def __init__(self, wanted: int) -> None:
        self.wanted, self.step, self.offered = wanted, 1, 0
        self.held: list[Tile] = []

    def offer(self, tile: Tile) -> None:
        """The next frame's tile; every `step`-th is held."""
        if self.offered % self.step == 0:
            self.held.append(tile)
        self.offered += 1
        if len(self.held) == 2 * self.wanted:
            self.held = self.held[::2]
            self.step *= 2

    def chosen(self) -> list[Tile]:
        """At most `wanted` of them, the first among them."""
        return [self.held[i] for i in evenly(len(self.held), self.wanted)]


def windows(frames: Iterable[Frame], length: int) -> Iterator[list[Frame]]:
    """Consecutive windows of at most `length` frames."""
    remaining = iter(frames)
    while window := list(islice(remaining, length)):
        yield window


def as_clip(frames: FramePyramid) -> FramePyramid:
    """S clips of one frame, [S, 1, ...], as one clip of S frames, [1, S, ...]."""
    first, second, third, fourth = (level.transpose(0, 1) for level in frames.maps)
    padding = None if frames.padding is None else frames.padding.transpose(0, 1)
    return FramePyramid((first, second, third, fourth), frames.size[:1], padding)
