"""Cross-modal affinity against the plain formula."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stages.model.affinity import CrossModalAffinity, match_frames


def made(kind: str, query_frames: str = "middle") -> CrossModalAffinity:
    torch.manual_seed(0)
    return CrossModalAffinity(
        width=12,
        inner=8,
        kind=kind,  # type: ignore[arg-type]
        query_frames=query_frames,  # type: ignore[arg-type]
        dropout=0.1,
    ).eval()


@pytest.mark.parametrize("kind", ["cross", "self"])
@torch.no_grad()
def test_the_paper_s_affinity_is_what_is_gathered_alone(kind: str) -> None:
    """Full width, no residual, no norm, no convolution of the clip beside it."""
    torch.manual_seed(0)
    module = CrossModalAffinity(
        width=12,
        inner=12,
        kind=kind,  # type: ignore[arg-type]
        query_frames="all",
        dropout=0.1,
        residual=False,
    )
    assert module.skip is None and module.norm is None
    module.freeze_projections()
    assert not any(parameter.requires_grad for parameter in module.parameters())
    query, support, masks = drawn()
    maps, shown = query[0].permute(0, 3, 1, 2), masked(support, masks)

    def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        return (queries @ keys.T / 12**0.5).softmax(-1) @ values

    own, other = module.query_projection, module.support_projection
    said = attend(tokens(own.query(maps)), tokens(own.key(maps)), tokens(own.value(maps)))
    if kind == "cross":
        said = attend(said, tokens(other.key(shown)), tokens(other.value(shown)))
    else:
        said = said + tokens(shown[[0, 1, 1]])
    expected = said.view(1, 3, 4, 5, 12)
    torch.testing.assert_close(module(query, support, masks), expected, rtol=1e-4, atol=1e-5)


def drawn() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(5)
    query, support = torch.randn(1, 3, 4, 5, 12), torch.randn(1, 2, 6, 3, 12)
    masks = torch.rand(1, 2, 9, 9)
    return query, support, masks


def masked(support: Tensor, masks: Tensor) -> Tensor:
    """The support [S, C, 4, 5] times its masks, both stretched corner to corner."""
    maps = F.interpolate(
        support[0].permute(0, 3, 1, 2), size=(4, 5), mode="bilinear", align_corners=True
    )
    return maps * F.interpolate(masks[0][:, None], size=(4, 5), mode="bilinear", align_corners=True)


def tokens(maps: Tensor) -> Tensor:
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


@pytest.mark.parametrize("query_frames", ["middle", "all"])
@pytest.mark.parametrize("kind", ["cross", "self"])
@torch.no_grad()
def test_affinity_equals_the_formula(kind: str, query_frames: str) -> None:
    module = made(kind, query_frames)
    query, support, masks = drawn()
    maps, shown = query[0].permute(0, 3, 1, 2), masked(support, masks)
    seen = maps if query_frames == "all" else maps[1:2]

    def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        shares = (queries @ keys.T / 8**0.5).softmax(-1)
        return module.norm(queries, shares @ values)

    own, other = module.query_projection, module.support_projection
    said = attend(tokens(own.query(maps)), tokens(own.key(seen)), tokens(own.value(seen)))
    if kind == "cross":
        said = attend(said, tokens(other.key(shown)), tokens(other.value(shown)))
        kept = tokens(module.skip(maps))
    else:
        kept = tokens(module.skip(shown[[0, 1, 1]]))
    expected = torch.cat((said, kept), dim=-1).view(1, 3, 4, 5, 12)
    torch.testing.assert_close(module(query, support, masks), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_without_affinity_the_masked_support_is_added() -> None:
    query, support, masks = drawn()
    shown = masked(support, masks)[[0, 1, 1]].permute(0, 2, 3, 1)[None]
    torch.testing.assert_close(made("none")(query, support, masks), query + shown)


def test_support_frames_repeat_the_last_one() -> None:
    support = torch.arange(2.0).view(1, 2, 1, 1, 1)
    assert match_frames(support, 4).flatten().tolist() == [0, 1, 1, 1]
    assert match_frames(support, 1).flatten().tolist() == [0]
