"""What must hold of the whole network, whatever its weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
import torch
from torch import Tensor

from stages.model import FramePyramid, FsrvosModel, QueryPrediction, Support, Words
from stages.model.losses import compute_losses
from stages.model.targets import Targets
from tests.stages.model.small import VARIANTS, frames, small_model, support, words

Preset = Literal["official", "paper", "default"]
CLOSE = {"rtol": 1e-4, "atol": 1e-4}  # mask logits sum terms of hundreds of pixels


@pytest.fixture(params=VARIANTS)
def variant(request: pytest.FixtureRequest) -> Preset:
    return request.param


@torch.no_grad()
def predict(
    model: FsrvosModel, query: FramePyramid, said: Words, shown: Support
) -> QueryPrediction:
    return model(query, said, shown)


def parts(prediction: QueryPrediction) -> list[Tensor]:
    """Every tensor of a prediction, of all layers."""
    own = [prediction.logits, prediction.boxes, prediction.masks]
    return own + [part for layer in prediction.auxiliary for part in parts(layer)]


def chosen(query: FramePyramid, rows: list[int]) -> FramePyramid:
    first, second, third, fourth = (level[rows] for level in query.maps)
    padding = None if query.padding is None else query.padding[rows]
    return FramePyramid((first, second, third, fourth), query.size[rows], padding)


def chosen_words(said: Words, rows: list[int]) -> Words:
    padding = None if said.padding is None else said.padding[rows]
    return Words(said.tokens[rows], said.sentence[rows], padding)


def chosen_support(shown: Support, rows: list[int]) -> Support:
    return Support(chosen(shown.frames, rows), chosen_words(shown.words, rows), shown.masks[rows])


@pytest.mark.parametrize("rows", [[2, 0, 1], [1], [0, 2]], ids=["permuted", "alone", "two"])
def test_a_clip_is_predicted_alike_in_every_batch(variant: Preset, rows: list[int]) -> None:
    """So neither the order nor the batching of clips or windows changes a result."""
    model = small_model(variant)
    query, said, shown = frames(3, 2), words(3, 5), support(3)
    padding = torch.zeros(3, 2, 64, 96, dtype=torch.bool)
    padding[1, :, 50:] = True
    query = replace(query, padding=padding, size=torch.tensor([[64, 96], [50, 96], [64, 96]]))
    said = replace(said, padding=torch.tensor([[False] * 5, [False] * 3 + [True] * 2, [False] * 5]))
    together = predict(model, query, said, shown)
    some = predict(
        model, chosen(query, rows), chosen_words(said, rows), chosen_support(shown, rows)
    )
    for whole, part in zip(parts(together), parts(some), strict=True):
        torch.testing.assert_close(whole[rows], part, **CLOSE)


def episodes() -> tuple[FramePyramid, Words, Support]:
    """Three episodes: sentences of 5, 2 and 4 words, the second's query clip and the third's
    support clip padded; the supports' sentences have 1, 4 and 3 words."""
    query, shown = frames(3, 2), support(3)
    query_padding = torch.zeros(3, 2, 64, 96, dtype=torch.bool)
    query_padding[1, :, :, 70:] = True
    query = replace(query, padding=query_padding, size=torch.tensor([[64, 96], [64, 70], [64, 96]]))
    support_padding = torch.zeros(3, 2, 64, 64, dtype=torch.bool)
    support_padding[2, :, 50:] = True
    lengths = torch.tensor([[5, 2, 4], [1, 4, 3]])[..., None] <= torch.arange(5)
    said = replace(words(3, 5), padding=lengths[0])
    shown = Support(
        replace(
            shown.frames, padding=support_padding, size=torch.tensor([[64] * 2] * 2 + [[50, 64]])
        ),
        replace(words(3, 4, seed=7), padding=lengths[1, :, :4]),
        shown.masks,
    )
    return query, said, shown


def trimmed(said: Words, row: int) -> Words:
    """One sentence of a batch without its padding."""
    assert said.padding is not None
    length = int((~said.padding[row]).sum())
    return Words(said.tokens[row : row + 1, :length], said.sentence[row : row + 1])


def unpadded(clip: FramePyramid) -> FramePyramid:
    """Without a padding mask where it masks nothing."""
    assert clip.padding is not None
    return clip if clip.padding.any() else replace(clip, padding=None)


@pytest.mark.parametrize("row", [0, 1, 2])
def test_an_episode_of_a_batch_is_predicted_as_alone(variant: Preset, row: int) -> None:
    """With its own words and no mask that only the batch needed."""
    model = small_model(variant)
    query, said, shown = episodes()
    together = predict(model, query, said, shown)
    alone = predict(
        model,
        unpadded(chosen(query, [row])),
        trimmed(said, row),
        Support(
            unpadded(chosen(shown.frames, [row])),
            trimmed(shown.words, row),
            shown.masks[row : row + 1],
        ),
    )
    for whole, part in zip(parts(together), parts(alone), strict=True):
        torch.testing.assert_close(whole[[row]], part, **CLOSE)


@pytest.mark.filterwarnings("ignore:.*bfloat16.*:UserWarning")
def test_a_padded_batch_in_bfloat16_is_close_to_float32(variant: Preset) -> None:
    model = small_model(variant)
    exact = predict(model, *episodes())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = predict(model, *episodes())
    for name in ("logits", "boxes", "masks"):
        one, other = getattr(exact, name).float(), getattr(rough, name).float()
        assert (one - other).norm() < 0.05 * one.norm()


def test_padding_masks_that_mask_nothing_change_nothing(variant: Preset) -> None:
    model = small_model(variant)
    query, said, shown = frames(2, 3), words(2, 5), support(2)
    plain = predict(model, query, said, shown)
    masked = predict(
        model,
        replace(query, padding=torch.zeros(2, 3, 64, 96, dtype=torch.bool)),
        replace(said, padding=torch.zeros(2, 5, dtype=torch.bool)),
        replace(
            shown,
            frames=replace(shown.frames, padding=torch.zeros(2, 2, 64, 64, dtype=torch.bool)),
            words=replace(shown.words, padding=torch.zeros(2, 4, dtype=torch.bool)),
        ),
    )
    for one, other in zip(parts(plain), parts(masked), strict=True):
        torch.testing.assert_close(one, other, **CLOSE)


def test_padded_words_change_nothing(variant: Preset) -> None:
    model = small_model(variant)
    query, said, shown = frames(1, 2), words(1, 5), support(1)
    plain = predict(model, query, said, shown)
    longer = Words(
        torch.cat((said.tokens, torch.full_like(said.tokens[:, :3], 9.0)), dim=1),
        said.sentence,
        torch.tensor([[False] * 5 + [True] * 3]),
    )
    for one, other in zip(parts(plain), parts(predict(model, query, longer, shown)), strict=True):
        torch.testing.assert_close(one, other, **CLOSE)


def test_padded_cells_do_not_reach_valid_ones_through_the_transformer(variant: Preset) -> None:
    """The norms of the projections and the affinity do see padding: stated quirks."""
    model = small_model(variant)
    query = frames(1, 2)
    padding = torch.zeros(1, 2, 64, 96, dtype=torch.bool)
    padding[..., 48:, :] = True
    query = replace(query, padding=padding, size=torch.tensor([[48, 96]]))
    said = model.words(words(1, 5))
    maps = [
        torch.randn(1, 2, -(-64 // s), -(-96 // s), model.config.hidden)
        for s in model.config.levels
    ]
    hidden = [query.padding_at(*level.shape[2:4]) for level in maps]
    other = [
        level.masked_fill(mask[None, ..., None], 5.0)
        for level, mask in zip(maps, hidden, strict=True)
        if mask is not None
    ]
    assert len(other) == len(maps)
    one, two = (model.encoder(levels, query, said) for levels in (maps, other))
    assert one.layout.padding is not None
    valid = ~one.layout.padding
    torch.testing.assert_close(one.tokens[valid], two.tokens[valid], **CLOSE)
    for first, second in zip(model.decoder(one), model.decoder(two), strict=True):
        torch.testing.assert_close(first.boxes, second.boxes, **CLOSE)
        torch.testing.assert_close(first.states, second.states, **CLOSE)


def test_only_the_last_layer_is_drawn_when_no_more_is_wanted(variant: Preset) -> None:
    model = small_model(variant)
    inputs = (frames(2, 2), words(2, 3), support(2))
    whole = predict(model, *inputs)
    with torch.no_grad():
        last = model(*inputs, auxiliary=False)
    assert last.auxiliary == ()
    assert len(whole.auxiliary) == 1
    for one, other in zip(parts(last), parts(replace(whole, auxiliary=())), strict=True):
        torch.testing.assert_close(one, other, **CLOSE)


@pytest.mark.parametrize(
    ("query_frames", "support_frames", "query_size", "support_size"),
    [
        (1, 1, (64, 96), (64, 96)),
        (4, 1, (50, 70), (96, 32)),
        (1, 3, (33, 47), (64, 64)),
    ],
)
def test_any_number_and_size_of_frames(
    variant: Preset,
    query_frames: int,
    support_frames: int,
    query_size: tuple[int, int],
    support_size: tuple[int, int],
) -> None:
    model = small_model(variant)
    prediction = predict(
        model,
        frames(2, query_frames, query_size),
        words(2, 6),
        support(2, support_frames, support_size),
    )
    grid = tuple(-(-side // 4) for side in query_size)
    assert prediction.masks.shape == (2, query_frames, 3, *grid)
    assert all(part.isfinite().all() for part in parts(prediction))
    assert ((prediction.boxes >= 0) & (prediction.boxes <= 1)).all()


def test_only_the_middle_support_frame_counts_in_the_official_variant() -> None:
    model = small_model("official")
    query, said, shown = frames(1, 3), words(1, 4), support(1, 5)
    first, second, third, fourth = (level.clone() for level in shown.frames.maps)
    for level in (first, second, third, fourth):
        level[:, [0, 1, 3, 4]] = 0.5
    masks = shown.masks.clone()
    masks[:, [0, 1, 3, 4]] = 0
    changed = Support(
        replace(shown.frames, maps=(first, second, third, fourth)), shown.words, masks
    )
    for one, other in zip(
        parts(predict(model, query, said, shown)),
        parts(predict(model, query, said, changed)),
        strict=True,
    ):
        assert torch.equal(one, other)
    default = small_model("default")
    difference = (
        predict(default, query, said, shown).masks - predict(default, query, said, changed).masks
    )
    assert difference.abs().max() > 1e-3


@pytest.mark.filterwarnings("ignore:.*bfloat16.*:UserWarning")
def test_bfloat16_is_close_to_float32(variant: Preset) -> None:
    model = small_model(variant)
    inputs = (frames(2, 2), words(2, 5), support(2))
    exact = predict(model, *inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = predict(model, *inputs)
    for name in ("logits", "boxes", "masks"):
        one, other = getattr(exact, name).float(), getattr(rough, name).float()
        assert (one - other).norm() < 0.05 * one.norm()


@pytest.mark.parametrize(
    ("present", "support_object", "length"),
    [(False, True, 5), (True, False, 5), (True, True, 1), (False, False, 1)],
    ids=["absent object", "background support", "one word", "all three"],
)
def test_gradients_are_finite(
    variant: Preset, present: bool, support_object: bool, length: int
) -> None:
    model = small_model(variant).train()
    query, shown = frames(2, 2), support(2)
    if not support_object:
        shown = replace(shown, masks=torch.zeros_like(shown.masks))
    prediction = model(query, words(2, length), shown)
    masks = torch.zeros(2, 2, 64, 96, dtype=torch.bool)
    masks[:, :, 10:30, 20:60] = present
    targets = Targets.of(masks, query.size, (16, 24), stride=4)
    losses = compute_losses(prediction, targets)
    losses.total.backward()
    assert losses.total.isfinite()
    reached = [p.grad for p in model.parameters() if p.grad is not None]
    assert len(reached) > 100
    assert all(gradient.isfinite().all() for gradient in reached)
    assert any(gradient.abs().max() > 0 for gradient in reached)


def test_the_same_seed_trains_alike(variant: Preset) -> None:
    def step() -> Tensor:
        model = small_model(variant).train()
        torch.manual_seed(5)
        prediction = model(frames(1, 2), words(1, 3), support(1))
        prediction.masks.square().mean().backward()
        gradient = model.encoder.layers[0].feed_forward.expand.weight.grad
        assert gradient is not None
        return gradient

    assert torch.equal(step(), step())
