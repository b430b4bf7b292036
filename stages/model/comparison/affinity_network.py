"""The network that compares: affinity of query, support and sentence in place of learnt kinds.

    comparison        query against support, and the clip against itself, in closed form
    mask generation   what stands out: where to cut the scores, by a small network that judges
                      masks as a whole (`model.mask_quality`), stride 4 along the finest map's edges
    choice            the sentence picks among what the support found

The paper's parts in another form: its cross- and self-affinity are the correlations and the second
support, its vision-language fusion and its words act on what they have found.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from configs.model import ModelConfig
from configs.training import TrainConfig
from stages.model.comparison.adaptation import Question, adapt
from stages.model.comparison.choice import ObjectLayer, SentenceChoice, restrict
from stages.model.comparison.clips import ABSENT, QueryClip, SupportClip, stack_clips
from stages.model.comparison.correlation import resized
from stages.model.comparison.cues import FIRST_SCALE, GRID, KindMask, Looks, cue_count, cues, look
from stages.model.comparison.cutting import Candidates, MaskQuality, overlaps, traits
from stages.model.comparison.following import Window, follow_window
from stages.model.comparison.instances import Instances, instances
from stages.model.comparison.losses import (
    ComparedPrediction,
    JudgedMasks,
    ScoredObjects,
    comparison_losses,
    covered,
)
from stages.model.comparison.ridge import OBJECT_SHARE
from stages.model.comparison.upsampling import FINE, upsample
from stages.model.fusion import LevelProjection, TextProjection, VisionLanguageFusion
from stages.model.inputs import STRIDES, FramePyramid, Support, Words
from stages.model.layers import Attention, FeedForward
from stages.model.network import Adaptation, KnownClip, Network
from stages.model.prediction import Followed, Losses, Prediction, Truth

MARGIN = 1.0  # by which an object may be behind the best and is kept all the same, in use
MISSED = 0.04  # share of clips with the kind that may be answered empty


@dataclass(frozen=True)
class Found:
    """What the support finds in a clip.

    coarse: mask logits [T, h, w] at stride 8; logits: at stride 4. presence: [T], logits that a
    frame shows the kind; sure: that the clip does. objects: the parts of the coarse mask. judged:
    the masks among which it was chosen, where a network judges them.
    """

    clip: QueryClip
    coarse: Tensor
    logits: Tensor
    presence: Tensor
    sure: Tensor
    objects: Instances
    judged: JudgedMasks | None


class AffinityNetwork(Network):
    """Compares first, then listens. `build_affinity_network` assembles it."""

    def __init__(
        self, *, looks: int, quality: MaskQuality | None, choice: SentenceChoice | None
    ) -> None:
        super().__init__()
        self.looks = looks
        self.mask_stride = FINE
        self.quality = quality
        self.choice = choice
        self.absent_below: Tensor
        self.register_buffer("absent_below", torch.tensor(float("-inf")))

    def forward(
        self, query: FramePyramid, words: Words, support: Support, *, auxiliary: bool = True
    ) -> ComparedPrediction:
        """One query a clip: the object that support and sentence agree on.

        In float32 whatever the training's precision: cosines differ by less than bfloat16 tells.
        """
        with torch.autocast(query.maps[0].device.type, enabled=False):
            return self.compare(query, words, support, auxiliary)

    def compare(
        self, query: FramePyramid, words: Words, support: Support, auxiliary: bool
    ) -> ComparedPrediction:
        """Row by row, so that the padding of a batch is never seen."""
        finds, chosen, scored = list[Found](), list[Tensor](), list[ScoredObjects]()
        for row in range(len(query.size)):
            same = row > 0 and same_clips(query, support, row - 1, row)
            finds.append(finds[-1] if same else self.find(query, support, row))
            logits, scores = self.choose(finds[-1], words.row(row))
            chosen.append(logits)
            if scores is not None:
                scored.append(ScoredObjects(row, finds[-1].objects.shares(), scores))
        presence = torch.stack([found.presence for found in finds])
        return ComparedPrediction(
            presence[..., None, None],
            stack_clips(chosen)[:, :, None],
            kind=stack_clips([found.logits for found in finds]),
            coarse=stack_clips([found.coarse for found in finds]),
            clips=tuple(found.clip for found in finds) if auxiliary else (),
            words=words,
            objects=tuple(scored),
            sure=torch.stack([found.sure for found in finds]),
            judged=tuple(found.judged for found in finds),
        )

    def find(self, query: FramePyramid, support: Support, row: int) -> Found:
        """Everything of the support's kind, whatever the sentence says."""
        clip, shown = QueryClip.of(query, row), SupportClip.of(support, row)
        looks = look(clip, shown, self.looks)
        mask, judged = self.cut(clip, shown, looks)
        logits, presence = upsample(mask.logits, clip.maps[FINE]), mask.frames
        objects = mask.logits > 0
        if not self.training and mask.clip < self.absent_below:
            logits, presence = torch.full_like(logits, ABSENT), presence.clamp(max=float(mask.clip))
            objects = torch.zeros_like(objects)
        return Found(clip, mask.logits, logits, presence, mask.clip, instances(objects), judged)

    def cut(
        self, clip: QueryClip, shown: SupportClip, looks: Looks
    ) -> tuple[KindMask, JudgedMasks | None]:
        """The kind's mask; a clip shows it as far as the best of all is foretold to overlap."""
        grid = clip.shape(GRID)
        if self.quality is None or (looks.same is not None and not self.training):
            # Nothing that was learnt of other kinds is as good as the object itself.
            return looks.answer(grid), None
        candidates = looks.candidates(grid)
        if not len(candidates.cuts):
            return looks.answer(grid), None
        told = self.quality(judged_by(clip, shown, looks, candidates))
        mask, sure = looks.parted(candidates, told.detach().sigmoid()), told.detach().amax()
        frames = sure + mask.frames - mask.clip  # frames differ by how the first look sees them
        return replace(mask, frames=frames, clip=sure), JudgedMasks(candidates.inside, told)

    def choose(self, found: Found, words: Words) -> tuple[Tensor, Tensor | None]:
        """Mask logits [T, h, w] of what the sentence picks, and its scores [N] of the objects.

        Nothing of it teaches the finding: what only the sentence can tell apart is none of the
        support's faults.
        """
        if self.choice is None or found.objects.count == 0:
            return found.logits, None
        choice = self.choice(found.clip, words, found.coarse.detach(), found.objects)
        doubt = 0.0 if self.training else MARGIN
        preference = (choice.preference + doubt).clamp(max=0)
        factor = resized(preference[:, None], found.clip.shape(FINE))[:, 0]
        return restrict(found.logits.detach(), factor), choice.scores

    def follow(
        self,
        query: FramePyramid,
        words: Words,
        support: Support,
        memory: object | None = None,
        *,
        overlap: int = 0,
    ) -> Followed:
        """By what the windows before showed of this video's objects, see `following`."""
        with torch.autocast(query.maps[0].device.type, enabled=False):
            clip, shown = QueryClip.of(query, 0), SupportClip.of(support, 0)
            looks = look(clip, shown, self.looks)
            found, _ = self.cut(clip, shown, looks)
            there, same = bool(found.clip >= self.absent_below), looks.same is not None
            window = Window(clip, found.logits, found.frames, float(found.clip), there, same)
            choose = partial(self.scores, clip, words)
            return follow_window(window, memory, overlap, choose, MARGIN)

    def scores(
        self, clip: QueryClip, words: Words, coarse: Tensor, objects: Instances
    ) -> Tensor | None:
        """The sentence's [N] of the objects of a mask, None without a choice."""
        if self.choice is None:
            return None
        scores: Tensor = self.choice(clip, words, coarse, objects).scores
        return scores

    def adapt(self, known: Sequence[KnownClip]) -> Adaptation | None:
        """Its judgement of masks is tuned, see `adaptation`."""
        if self.quality is None:
            return None
        questions = [found for clip in known if (found := self.question(clip)) is not None]
        adapted = adapt(self.quality, questions)
        copy = deepcopy(self)
        copy.quality = adapted.quality
        return Adaptation(copy, adapted.before, adapted.after, adapted.kept)

    @torch.no_grad()
    def question(self, known: KnownClip) -> Question | None:
        """A known clip as the judge of masks sees it; None where there is nothing to judge."""
        clip, shown = QueryClip.of(known.query, 0), SupportClip.of(known.support, 0)
        looks = look(clip, shown, self.looks)
        candidates = looks.candidates(clip.shape(GRID))
        if not len(candidates.cuts):
            return None
        height, width = clip.shape(GRID)
        true = covered(known.mask, (height, width))[0] > OBJECT_SHARE
        return Question(
            candidates,
            looks.on_grid((height, width)),
            judged_by(clip, shown, looks, candidates),
            overlaps(candidates.inside, true),
        )

    @torch.no_grad()
    def calibrate(self, shown: Sequence[Prediction]) -> None:
        """Call a kind absent where `MISSED` of the clips that show it are less sure of it."""
        sure = [said.sure for said in shown if isinstance(said, ComparedPrediction)]
        self.absent_below.copy_(torch.cat(sure).float().quantile(MISSED))

    def losses(self, prediction: Prediction, truth: Truth, options: TrainConfig) -> Losses:
        """See `comparison_losses`."""
        assert isinstance(prediction, ComparedPrediction)
        with torch.autocast(truth.masks.device.type, enabled=False):
            taught = self.choose_among_true(prediction, truth) if self.choice is not None else []
            objects = [*prediction.objects, *taught]
            return comparison_losses(prediction, truth, objects, options.weight_twin)

    def choose_among_true(
        self, prediction: ComparedPrediction, truth: Truth
    ) -> list[ScoredObjects]:
        """The choice among the true objects of the kind, so that the sentence is taught from the
        first step on, and not only by what the support happens to find."""
        assert self.choice is not None
        taught = []
        for row, clip in enumerate(prediction.clips):
            height, width = clip.shape(GRID)
            kind = covered(truth.kind[row : row + 1], prediction.coarse.shape[-2:])[0]
            kind = kind[:, :height, :width]
            objects = instances(kind > OBJECT_SHARE)
            if objects.count > 1:
                found = prediction.coarse[row, :, :height, :width].detach()
                choice = self.choice(clip, prediction.words.row(row), found, objects)
                taught.append(ScoredObjects(row, objects.shares(), choice.scores))
        return taught


def judged_by(clip: QueryClip, shown: SupportClip, looks: Looks, candidates: Candidates) -> Tensor:
    """Traits [K, F] of the candidate masks of a clip."""
    parted = (FIRST_SCALE * looks.cut.score, looks.cut.overlap)
    return traits(candidates, cues(clip, shown, looks), parted)


def same_clips(query: FramePyramid, support: Support, first: int, second: int) -> bool:
    """Whether two rows differ in the sentence at most, as those of twins do."""
    pairs = (query.maps[-1], support.frames.maps[-1], support.masks)
    return all(torch.equal(rows[first], rows[second]) for rows in pairs)


def build_affinity_network(
    config: ModelConfig, channels: tuple[int, int, int, int], text_width: int
) -> AffinityNetwork:
    """The network of a configuration, initialised from torch's global random state.

    Args:
        channels: of the vision encoder's maps; only the part that reads the sentence sees them.
        text_width: of the text encoder's states.
    """
    return AffinityNetwork(
        looks=config.looks,
        quality=(
            MaskQuality(
                cues=cue_count(config.looks), width=config.quality_width, dropout=config.dropout
            )
            if config.mask_quality
            else None
        ),
        choice=_choice(config, channels, text_width) if config.sentence_choice else None,
    )


def _choice(
    config: ModelConfig, channels: tuple[int, int, int, int], text_width: int
) -> SentenceChoice:
    at_stride, width = dict(zip(STRIDES, channels, strict=True)), config.hidden
    level = LevelProjection(
        stride=16,
        channels=at_stride[16],
        width=width,
        finer={stride: at_stride[stride] for stride in (4, 8)},
    )
    layers = [
        ObjectLayer(
            attention=Attention(width=width, heads=config.heads),
            feed_forward=FeedForward(
                width=width, inner=config.feed_forward, dropout=config.dropout
            ),
            dropout=config.dropout,
        )
        for _ in range(config.encoder_layers)
    ]
    return SentenceChoice(
        text=TextProjection(text_width=text_width, width=width, dropout=config.dropout),
        fusion=VisionLanguageFusion(
            projections=[level], attention=Attention(width=width, heads=config.heads), residual=True
        ),
        layers=layers,
        width=width,
    )
