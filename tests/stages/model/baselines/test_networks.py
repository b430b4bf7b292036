"""Every baseline: its size, that it learns a batch by heart, and reads what it is given."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from configs.model import ModelConfig
from configs.training import TrainConfig
from stages.feeding.inference import choose_query
from stages.model.baselines.withheld import WithheldNetwork
from stages.model.comparison.losses import covered
from stages.model.inputs import FramePyramid, Support, Words
from stages.model.network import Network
from stages.model.networks import NETWORKS, build_network
from stages.model.prediction import Truth
from tests.stages.model.comparison.scenes import mask, scene, shown, stacked
from tests.stages.model.small import CHANNELS, TEXT_WIDTH, words

SIZE = (64, 96)
LEFT, RIGHT = (16, 8, 48, 40), (16, 56, 48, 88)
REFERRING = ("referformer", "mttr", "lbdt", "text-only")
FEW_SHOT = ("danet", "support-only")


def network(name: str, **options: object) -> Network:
    torch.manual_seed(0)
    sizes: dict[str, object] = {
        "hidden": 32,
        "feed_forward": 32,
        "heads": 4,
        "encoder_layers": 1,
        "decoder_layers": 1,
        "queries": 3,
        "levels": (16, 32),
        "mask_dim": 16,
        "pixel_width": 16,
        "pixel_attention": (),
        "dropout": 0.0,
    }
    config = ModelConfig.of("default", network=name, **{**sizes, **options})
    return build_network(config, CHANNELS, TEXT_WIDTH)


@pytest.mark.parametrize(
    ("name", "options", "millions"),
    [
        ("danet", {}, 10.79),
        ("referformer", {}, 28.16),
        ("mttr", {}, 10.29),
        ("lbdt", {}, 13.16),
        ("lbdt", {"encoder_layers": 1}, 7.62),
    ],
)
def test_at_the_published_sizes_it_has_as_many_weights(
    name: str, options: dict[str, int], millions: float
) -> None:
    """Reckoned by hand from the methods' descriptions, for ResNet-50 and 768 text channels."""
    with torch.device("meta"):
        model = build_network(
            ModelConfig.of("default", network=name, **options), (256, 512, 1024, 2048), 768
        )
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.011)


def overlap(logits: Tensor, true: Tensor) -> float:
    found, wanted = logits > 0, covered(true, logits.shape[-2:]) > 0.5
    return float((found & wanted).sum() / (found | wanted).sum().clamp(min=1))


def several(supports: Sequence[Support]) -> Support:
    """Supports as one batch."""
    said = [support.words for support in supports]
    return Support(
        stacked([support.frames for support in supports]),
        Words(torch.cat([w.tokens for w in said]), torch.cat([w.sentence for w in said])),
        torch.cat([support.masks for support in supports]),
    )


def learnt(name: str, query: FramePyramid, said: Words, support: Support, truth: Truth) -> Network:
    """A network after some steps on one batch."""
    model = network(name).train()
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=0.0)
    for _ in range(60):
        optimizer.zero_grad()
        model.losses(model(query, said, support), truth, TrainConfig()).total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return model.eval()


def two_objects() -> FramePyramid:
    """Twice the same clip, with an object of kind 1 on the left and one of kind 2 on the right."""
    return stacked([scene([(1, LEFT), (2, RIGHT)], size=SIZE)] * 2)


def described(twins: Sequence[tuple[int, int]] = ()) -> Truth:
    masks = torch.cat((mask(LEFT, size=SIZE), mask(RIGHT, size=SIZE))).bool()
    return Truth(masks, masks, torch.tensor([SIZE] * 2), twins)


@pytest.mark.parametrize("name", [*REFERRING, "danet"])
def test_it_learns_two_sentences_by_heart_and_tells_them_apart(name: str) -> None:
    support = several([shown(1), shown(1)])
    said = Words(*(torch.cat(parts) for parts in zip(told(0), told(1), strict=True)))
    model = learnt(name, two_objects(), said, support, described(twins=((0, 1),)))
    for row, (own, other) in enumerate(((LEFT, RIGHT), (RIGHT, LEFT))):
        query = scene([(1, LEFT), (2, RIGHT)], size=SIZE)
        drawn, _ = choose_query(model(query, Words(*told(row)), shown(1)))
        assert overlap(drawn, mask(own, size=SIZE)) > 0.8
        assert overlap(drawn, mask(other, size=SIZE)) < 0.1


def told(row: int) -> tuple[Tensor, Tensor]:
    said = words(2, 4)
    return said.tokens[row : row + 1], said.sentence[row : row + 1]


@pytest.mark.parametrize("name", FEW_SHOT)
def test_it_learns_two_supports_by_heart_and_tells_them_apart(name: str) -> None:
    supports = [shown(1), shown(2)]
    same = Words(*(torch.cat([part] * 2) for part in told(0)))
    model = learnt(name, two_objects(), same, several(supports), described())
    for support, own, other in ((supports[0], LEFT, RIGHT), (supports[1], RIGHT, LEFT)):
        query = scene([(1, LEFT), (2, RIGHT)], size=SIZE)
        drawn, _ = choose_query(model(query, Words(*told(0)), support))
        assert overlap(drawn, mask(own, size=SIZE)) > 0.8
        assert overlap(drawn, mask(other, size=SIZE)) < 0.1


@pytest.mark.parametrize("name", REFERRING)
def test_it_does_not_look_at_the_support(name: str) -> None:
    model = network(name).eval()
    query = scene([(1, LEFT)], size=SIZE)
    first, second = (model(query, Words(*told(0)), shown(kind)) for kind in (1, 2))
    assert torch.equal(first.masks, second.masks) and torch.equal(first.logits, second.logits)


def test_support_only_hears_no_sentence() -> None:
    model = network("support-only").eval()
    query = scene([(1, LEFT)], size=SIZE)
    first, second = (model(query, Words(*told(row)), shown(1)) for row in range(2))
    assert torch.equal(first.masks, second.masks) and torch.equal(first.logits, second.logits)


@pytest.mark.parametrize("name", ["support-only", "text-only"])
def test_what_is_not_withheld_arrives_unchanged(name: str) -> None:
    """With the network's own inputs already silent, nothing is left to withhold."""
    model = network(name).eval()
    assert isinstance(model, WithheldNetwork)
    query, support = scene([(1, LEFT)], size=SIZE), shown(1)
    said = Words(*told(0))
    if name == "support-only":
        nothing = Words(torch.zeros_like(said.tokens[:, :1]), torch.zeros_like(said.sentence))
        inner = model.network(query, nothing, Support(support.frames, nothing, support.masks))
    else:
        frames = FramePyramid(
            tuple(map(torch.zeros_like, support.frames.maps)),  # type: ignore[arg-type]
            support.frames.size,
        )
        nothing = Words(
            torch.zeros_like(support.words.tokens[:, :1]), torch.zeros_like(said.sentence)
        )
        inner = model.network(query, said, Support(frames, nothing, 0 * support.masks))
    assert torch.equal(model(query, said, support).masks, inner.masks)


@pytest.mark.parametrize("name", sorted({*NETWORKS} - {"fsrvos", "affinity", "similarity"}))
def test_a_clip_is_answered_alike_in_every_batch(name: str) -> None:
    """Padded to one canvas with a larger clip, or in another order: the batch is not seen."""
    model = network(name).eval()
    query = scene([(1, LEFT), (2, RIGHT)], size=SIZE)
    padding = torch.zeros(2, 2, *SIZE, dtype=torch.bool)
    padding[1, :, :, 70:] = True
    both = FramePyramid(stacked([query] * 2).maps, torch.tensor([SIZE, (64, 70)]), padding)
    silent = torch.tensor([[False] * 4, [False, False, True, True]])
    said = Words(*(torch.cat(parts) for parts in zip(told(0), told(1), strict=True)), silent)
    support = several([shown(1), shown(2)])
    together = model(both, said, support)
    for row in range(2):
        first, second, third, fourth = (level[row : row + 1] for level in both.maps)
        alone = FramePyramid(
            (first, second, third, fourth), both.size[row : row + 1], padding[row : row + 1]
        )
        shown_alone = shown(row + 1)
        own = Support(shown_alone.frames, support.words.row(row), shown_alone.masks)
        single = model(alone, said.row(row), own)
        torch.testing.assert_close(together.masks[row], single.masks[0], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(together.logits[row], single.logits[0], rtol=1e-4, atol=1e-4)
