"""A run that answers requests: network and encoders loaded once, every kind encoded once."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cache.whole import require_replaceable, whole_folder
from configs import Config
from configs.errors import Interrupted, UsageError
from stages.data.video import read_video
from stages.encoders.unread import warn_of_unread
from stages.model.inputs import Support
from stages.model.network import Adaptation
from stages.predicting.continuing import Ended, FinishedPart, go_on, require_better
from stages.predicting.identity import digest_of, excerpt_facts, video_facts
from stages.predicting.instances import Instances
from stages.predicting.kinds import Kind, read_kind
from stages.predicting.options import INSTANCE, PredictOptions
from stages.predicting.report import PredictReport
from stages.predicting.requests import Request, Shown
from stages.predicting.results import Scores, Subject, whole_results
from stages.predicting.results.selection import (
    MASKS,
    NAMES,
    OVERLAY,
    SHEET,
    names_of,
    results_of,
)
from stages.predicting.segmenter import Segmenter
from stages.predicting.shelf import SCORES, read_scores
from stages.predicting.stream import stream_answers
from stages.runs.checkpoint import digest_of_run
from stages.runtime.interruption import interruptible
from stages.runtime.progress import say
from stages.runtime.provenance import provenance


class Session:
    """Answers requests with one run. Nothing is loaded before it is needed.

    config: how the run is used, where otherwise than its own configuration says. go_on: what ended
    early goes on where it ended.
    """

    def __init__(
        self,
        run: Path,
        device: str = "cpu",
        config: Config | None = None,
        options: PredictOptions = PredictOptions(),  # noqa: B008  frozen
        go_on: bool = False,
    ) -> None:
        self.run, self.device, self.options, self.go_on = run, device, options, go_on
        self._config = config
        self._kinds: dict[Shown, Kind] = {}
        self._supports: dict[Shown, Support] = {}
        self._adapted: dict[Shown, Adaptation] = {}
        self._read: set[str] = set()

    @cached_property
    def segmenter(self) -> Segmenter:
        """The network with its encoders. Raises MissingError or DataError."""
        return Segmenter(self.run, self.device, self._config)

    def load(self) -> None:
        """Load the run now, so that what is wrong with it is no fault of a request."""
        assert self.digests

    @cached_property
    def digests(self) -> dict[str, str]:
        """sha256 of the weights of network and encoders."""
        present = self.segmenter.encoders.present
        return {
            "weights": digest_of_run(self.run),
            "vision": present.vision_digest,
            "text": present.text_digest,
        }

    def kind(self, request: Request) -> Kind:
        """The kind of a request, read once."""
        shown = shown_for(request)
        if shown not in self._kinds:
            self._kinds[shown] = read_kind(shown)
        return self._kinds[shown]

    def encoded_kind(self, request: Request) -> Kind:
        """The same with its frames encoded, once."""
        kind = self.kind(request).encoded(self.segmenter)
        self._kinds[shown_for(request)] = kind
        return kind

    def adopt(self, shown: Shown, kind: Kind) -> None:
        """Take a kind that another session has read."""
        self._kinds[shown] = kind

    def support(self, request: Request) -> Support:
        """The kind as the network is given it."""
        shown = shown_for(request)
        if shown not in self._supports:
            self._supports[shown] = self.encoded_kind(request).as_input(self.segmenter)
        return self._supports[shown]

    def adapted(self, request: Request) -> Adaptation | None:
        """The network tuned on the request's support, once; None unless that is asked for."""
        if not self.options.adapt:
            return None
        shown = shown_for(request)
        if shown not in self._adapted:
            found = self.encoded_kind(request).adapted(self.segmenter)
            use = "used" if found.kept else "not used, for it did not help"
            say(
                f"adapted to {request.support}: overlap of support frames left out "
                f"{found.before:.2f} before, {found.after:.2f} after; {use}"
            )
            self._adapted[shown] = found
        return self._adapted[shown]

    def warn_of_unread(self, request: Request) -> None:
        """Say, once a sentence, which of its words the text encoder does not know."""
        for sentence in (request.expression, self.kind(request).expression):
            if sentence not in self._read:
                self._read.add(sentence)
                warn_of_unread(self.segmenter.encoders.words, sentence)

    def digest(self, request: Request) -> str:
        """What a finished prediction of the same settings has in its scores.json."""
        return digest_of({**video_facts(request.video), **self._manner(request)})

    def manner(self, request: Request) -> str:
        """The same whatever became of the video's file: what tells what may go on."""
        return digest_of({"video": str(request.video.absolute()), **self._manner(request)})

    def _manner(self, request: Request) -> dict[str, Any]:
        return {
            "expression": request.expression,
            "excerpt": excerpt_facts(request.excerpt),
            "kind": self.kind(request).digest,
            "options": asdict(self.options),
            "threshold": self.threshold,
            "calibration": asdict(self.segmenter.calibration),
            "settings": asdict(self.segmenter.config),
            "digests": self.digests,
        }

    def finished(self, request: Request, out: Path) -> dict[str, Any] | None:
        """scores.json of a whole prediction of the same settings in `out`; None if there is none.

        Raises as reading the kind does.
        """
        scores = read_scores(out)
        if scores.get("digest") != self.digest(request) or scores.get("interrupted"):
            return None
        whole = all((out / name).exists() for name in names_of(self.options))
        return scores if whole else None

    def unfinished(self, request: Request, out: Path) -> FinishedPart | None:
        """What there is of a prediction in `out` that ended early; None where there is nothing.

        Raises UsageError where `out` holds a prediction of other settings.
        """
        scores = read_scores(out)
        if not scores or not scores.get("shortfall"):
            return None
        if self.options.multi or scores.get("manner") != self.manner(request):
            raise UsageError(
                f"{out} was not made with these options, or with --multi, and cannot go on; leave "
                "out --continue to make it anew"
            )
        return FinishedPart.of(out, scores, self.options.soft)

    def answer(self, request: Request, out: Path, command: str = "") -> PredictReport:
        """Predict one video into the folder `out`, which is whole or absent.

        Where the video is damaged, or Ctrl-C is pressed, it holds the frames up to there, and says
        so; after Ctrl-C only where nothing better was there, and then `Interrupted` is raised.
        command: kept as provenance. Raises UsageError (`out`), MissingError or DataError.
        """
        require_replaceable(out, NAMES)
        self.kind(request)
        source = read_video(request.video, request.excerpt, to_damage=True)
        self.warn_of_unread(request)
        support = self.support(request)
        words = self.segmenter.words(request.expression)
        torch.manual_seed(self.options.seed)
        np.random.seed(self.options.seed)
        adapted, segmenter = self.adapted(request), self.segmenter
        if adapted is not None and adapted.kept:
            segmenter = segmenter.using(adapted.network)
        made = provenance(
            command=command,
            device=self.device,
            settings=asdict(self.segmenter.config),
            digests=self.digests,
        )
        facts = self.facts(request)
        if adapted is not None:
            facts |= {"adapted": {n: getattr(adapted, n) for n in ("kept", "before", "after")}}
        before = read_scores(out)
        done = self.unfinished(request, out) if self.go_on else None
        if done is None:
            stream = stream_answers(
                segmenter, source, words, support, self.options, self._instances()
            )
        else:
            stream = go_on(segmenter, source, words, support, self.options, done)
        ended = Ended()

        def known() -> Mapping[str, Any]:
            return facts | {"shortfall": source.shortfall, "interrupted": ended.by_person}

        with whole_folder(out, NAMES) as folder:
            scores = Scores(folder / SCORES, known, made)
            subject = Subject(source, request.expression, self.kind(request).label)
            results = [*results_of(self.options, folder, subject), scores]
            with whole_results(results), closing(stream) as answers, interruptible() as asked:
                for answer in answers:
                    for result in results:
                        result.add(answer)
                    if asked():
                        ended.by_person = True
                        source.end(f"interrupted after {scores.frames} frames")
                        require_better(before, scores.frames)
                        break
        if ended.by_person:
            raise Interrupted(f"{source.shortfall}; {out} holds them, and --continue goes on")
        return PredictReport(
            video=str(request.video),
            expression=request.expression,
            frames=scores.frames,
            marked=scores.marked,
            score=scores.score,
            presence=scores.presence,
            threshold=self.threshold,
            present=scores.present,
            masks=str(out / MASKS),
            overlay=str(out / OVERLAY),
            contact_sheet=str(out / SHEET),
            scores=str(out / SCORES),
            shortfall=source.shortfall,
        )

    def facts(self, request: Request) -> dict[str, Any]:
        """What is asked, as scores.json says it."""
        return {
            "video": str(request.video.absolute()),
            "expression": request.expression,
            "support": str(request.support.absolute()),
            "support_expression": self.kind(request).expression,
            "run": str(self.run.absolute()),
            "excerpt": excerpt_facts(request.excerpt),
            "threshold": self.threshold,
            "calibrated": self.segmenter.calibration.fitted,
            "digest": self.digest(request),
            "manner": self.manner(request),
        }

    @property
    def threshold(self) -> float:
        """Presence from which a frame shows the object, or score from which an instance counts."""
        asked = self.options.threshold
        if self.options.multi:
            return INSTANCE if asked is None else asked
        return self.segmenter.threshold(asked)

    def _instances(self) -> Instances | None:
        if not self.options.multi:
            return None
        probability = self.segmenter.calibration.probability
        return Instances(self.threshold, lambda presence: float(probability(presence)))


def shown_for(request: Request) -> Shown:
    """The kind that a request names."""
    return Shown(request.support, request.support_expression)
