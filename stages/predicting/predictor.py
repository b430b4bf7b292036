"""The program as a library: a run, a kind of object, and answers about videos.

dogs = Predictor.load().support(frames, masks, "a white dog")
for answer in dogs.predict("clip.mp4", "a brown dog"):
    answer.mask  # bool [H, W]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError, UsageError
from stages.data.excerpt import WHOLE, Excerpt
from stages.data.files import clean_expression
from stages.data.given_frames import GivenFrames, rgb
from stages.data.images import read_ids, read_rgb
from stages.data.outlines import Mask
from stages.data.overlay import png_of
from stages.data.support import SupportSet
from stages.data.video import FOLDER_FPS, VideoSource, read_video
from stages.data.video_file import Frame
from stages.predicting.answers import FrameAnswer
from stages.predicting.kinds import Kind, kind_of, read_kind
from stages.predicting.requests import Shown
from stages.predicting.results.sheet import ContactSheet
from stages.predicting.segmenter import Segmenter
from stages.predicting.stream import stream_answers
from stages.runs.packaged import PACKAGED, packaged_run

Picture = NDArray[np.uint8] | Path | str
Marked = NDArray[np.bool_] | NDArray[np.uint8] | Path | str
Video = Path | str | Iterable[NDArray[np.uint8]]


class Predictor:
    """A run with its encoders, loaded once; with a support, it answers about videos."""

    def __init__(self, segmenter: Segmenter, kind: Kind | None = None) -> None:
        self._segmenter = segmenter
        self._kind = kind

    @classmethod
    def load(cls, run: Path | str = "shipped", device: str = "cpu") -> Predictor:
        """Load a run.

        run: its folder, or the name of one that comes with the program (`shipped`, `similarity`).
        device: as torch names it. Raises MissingError or DataError.
        """
        named = isinstance(run, str) and run in PACKAGED
        return cls(Segmenter(packaged_run(str(run)) if named else Path(run), device))

    def support(
        self, frames: Sequence[Picture], masks: Sequence[Marked], expression: str
    ) -> Predictor:
        """The same run, shown a kind of object on S annotated frames of other videos.

        frames: RGB uint8 [H, W, 3], or image files; sizes may differ. masks: of each frame, bool or
        numbers [H, W] of which all but 0 are the object, or mask files. expression: about the
        object. Raises MissingError or DataError.
        """
        if not len(frames) or len(frames) != len(masks):
            raise DataError(
                f"{len(frames)} frames and {len(masks)} masks; give a mask for each frame, and at "
                "least one"
            )
        pairs = [
            _annotated(f"support frame {number}", frame, mask)
            for number, (frame, mask) in enumerate(zip(frames, masks, strict=True))
        ]
        shown = SupportSet(
            names=tuple(f"{number}" for number in range(len(pairs))),
            frames=tuple(frame for frame, _ in pairs),
            masks=tuple(mask for _, mask in pairs),
            expression=clean_expression(expression, "expression"),
            object_id=None,
            category=None,
            format="arrays",
        )
        kind = kind_of(Path("support"), shown)
        return Predictor(self._segmenter, kind.encoded(self._segmenter))

    def support_from(self, place: Path | str, expression: str | None = None) -> Predictor:
        """The same, shown a support folder in any of its formats, or a `.support` file.

        expression: counts instead of the support's own. Raises MissingError or DataError.
        """
        kind = read_kind(Shown(Path(place), expression))
        return Predictor(self._segmenter, kind.encoded(self._segmenter))

    def predict(
        self, video: Video, expression: str, excerpt: Excerpt = WHOLE, fps: float = FOLDER_FPS
    ) -> Prediction:
        """What is described, in every frame of a video. Nothing is computed before it is asked for.

        video: a file, a folder of images, or frames RGB uint8 [H, W, 3] of one size, which may be
        an iterator. expression: what to look for. excerpt: what of a file or folder is read. fps:
        frames a second of frames that are given. Raises UsageError without a support, DataError for
        a sentence that is none; MissingError or DataError of a video when it is read.
        """
        if self._kind is None:
            raise UsageError("a kind of object has to be shown first: call support(...)")
        sentence = clean_expression(expression, "expression")
        return Prediction(self._segmenter, self._kind, _opener(video, excerpt, fps), sentence)


class Prediction:
    """Answers about one video: iterate over it for a `FrameAnswer` a frame, as they come.

    Memory does not grow with the video. Every iteration reads the video and computes anew, so
    frames that are an iterator give answers once. A notebook shows a contact sheet, and computes
    the answers for it where nobody has asked for them yet.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        kind: Kind,
        open_video: Callable[[], VideoSource],
        expression: str,
    ) -> None:
        self.expression = expression
        self._segmenter, self._kind, self._open = segmenter, kind, open_video
        self._sheet: ContactSheet | None = None

    def __iter__(self) -> Iterator[FrameAnswer]:
        """Answers in order; `answer.mask` is bool [H, W], `answer.presence` in [0, 1]."""
        source = self._open()
        words = self._segmenter.words(self.expression)
        support = self._kind.as_input(self._segmenter)
        self._sheet = ContactSheet(Path("contact_sheet.png"), self.expression)
        with closing(stream_answers(self._segmenter, source, words, support)) as answers:
            for answer in answers:
                self._sheet.add(answer)
                yield answer

    def masks(self) -> NDArray[np.bool_]:
        """All masks at once, bool [T, H, W]; a long video's take much memory."""
        return np.stack([answer.mask for answer in self])

    def __repr__(self) -> str:
        return f"Prediction of {self.expression!r}; iterate over it for an answer a frame"

    def _repr_png_(self) -> bytes:
        """A contact sheet of the frames that have been answered, or else of all."""
        if self._sheet is None:
            for _ in self:
                pass
        assert self._sheet is not None
        return png_of(self._sheet.picture())


def _annotated(where: str, frame: Picture, mask: Marked) -> tuple[Frame, Mask]:
    picture = read_rgb(Path(frame)) if isinstance(frame, (str, Path)) else rgb(frame, where)
    marked = read_ids(Path(mask)) if isinstance(mask, (str, Path)) else np.asarray(mask)
    if marked.shape != picture.shape[:2]:
        raise DataError(
            f"{where} has {list(picture.shape[:2])} pixels and its mask {list(marked.shape)}; give "
            "both the same height and width"
        )
    if not marked.any():
        raise DataError(f"{where}: its mask is empty; mark the object, or leave the frame out")
    return picture, marked != 0


def _opener(video: Video, excerpt: Excerpt, fps: float) -> Callable[[], VideoSource]:
    """What opens the video, each time from its start. Raises UsageError."""
    if isinstance(video, (str, Path)):
        return lambda: read_video(video, excerpt)
    if excerpt != WHOLE:
        raise UsageError("an excerpt is of a file or folder; give only the frames that you want")
    spent = False

    def opened() -> VideoSource:
        nonlocal spent
        if spent:
            raise UsageError("the frames were an iterator and are used up; give a list of them")
        spent = isinstance(video, Iterator)
        return VideoSource(Path("frames given"), GivenFrames(video, fps))

    return opened
