"""Attention, feed-forward, norm and dropout masks against plain PyTorch."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from stages.model.layers import AddNorm, Attention, FeedForward, ThinFeedForward, attend, keep_mask


def test_attention_equals_torch_multi_head_attention() -> None:
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(16, 4, batch_first=True).eval()
    ours = Attention(width=16, heads=4).eval()
    with torch.no_grad():
        theirs.in_proj_bias.normal_()
        ours.projection.weight.copy_(theirs.in_proj_weight)
        ours.projection.bias.copy_(theirs.in_proj_bias)
        ours.output.load_state_dict(theirs.out_proj.state_dict())
    query, key, value = torch.randn(2, 5, 16), torch.randn(2, 7, 16), torch.randn(2, 7, 16)
    padding = torch.zeros(2, 7, dtype=torch.bool)
    padding[1, 4:] = True
    for mask in (None, padding):
        expected, _ = theirs(query, key, value, key_padding_mask=mask, need_weights=False)
        torch.testing.assert_close(ours(query, key, value, mask), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("keys_dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("queries_dtype", [torch.float32, torch.bfloat16])
def test_attend_equals_its_formula_in_every_type(
    queries_dtype: torch.dtype, keys_dtype: torch.dtype
) -> None:
    """A norm may hand on float32 where a projection has made bfloat16."""
    torch.manual_seed(0)
    queries = torch.randn(2, 3, 7, 4).to(queries_dtype)
    keys, values = (torch.randn(2, 3, 5, 4).to(keys_dtype) for _ in range(2))
    padding = torch.zeros(2, 5, dtype=torch.bool)
    padding[1, 3:] = True
    likings = queries.double() @ keys.double().transpose(2, 3) / 2
    likings = likings.masked_fill(padding[:, None, None], -torch.inf)
    expected = likings.softmax(-1) @ values.double()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = attend(queries, keys, values, padding)
    assert found.dtype == queries_dtype
    close = 1e-6 if queries_dtype == torch.float32 else 4e-3
    torch.testing.assert_close(found.double(), expected, rtol=close, atol=close)


@pytest.mark.parametrize("kept", [1000, 0], ids=["kept", "made again"])
@pytest.mark.parametrize("dropout", [0.0, 0.25])
def test_feed_forward_and_its_gradients_equal_autograd(
    dropout: float, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ThinFeedForward, "CHUNK", 4)  # several chunks, the last one smaller
    monkeypatch.setattr(ThinFeedForward, "KEPT", kept)
    torch.manual_seed(0)
    module = FeedForward(width=6, inner=10, dropout=dropout).double().train()
    tokens = torch.randn(2, 5, 6, dtype=torch.float64, requires_grad=True)
    torch.manual_seed(4)
    found = module(tokens)
    torch.manual_seed(4)
    mask = torch.ones(10, 10)
    if dropout:
        drawn = torch.Generator().manual_seed(int(torch.randint(2**62, ())))
        sizes = (4, 4, 2)
        mask = torch.cat([keep_mask(torch.empty(size, 10), dropout, drawn) for size in sizes])
        assert 0 < int(mask.sum()) < 100
    inner = F.relu(module.expand(tokens.reshape(10, 6)))
    kept_entries = inner * mask / (1 - dropout)
    expected = module.contract(kept_entries).view(2, 5, 6)
    torch.testing.assert_close(found, expected)
    leaves = [tokens, *module.parameters()]
    weight = torch.randn_like(expected)
    for one, other in zip(
        torch.autograd.grad(found, leaves, weight),
        torch.autograd.grad(expected, leaves, weight),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_feed_forward_under_autocast_is_close() -> None:
    torch.manual_seed(0)
    module = FeedForward(width=16, inner=32, dropout=0.0)
    tokens = torch.randn(3, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = module(tokens)
    torch.testing.assert_close(rough.float(), module(tokens), rtol=0.05, atol=0.02)


@pytest.mark.parametrize("share", [0.0001, 0.1, 0.5, 0.9999])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_stated_share_of_a_mask_is_zero(share: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    kept = keep_mask(torch.empty(1001, 999, dtype=dtype), share)
    assert kept.shape == (1001, 999)
    assert kept.dtype == dtype
    assert kept.unique().tolist() == [0, 1]
    mask = kept == 0
    # five standard deviations of a million draws
    assert abs(float(mask.float().mean()) - share) < 5 * (share * (1 - share) / 1e6) ** 0.5
    neighbours = (mask[:, 1:] & mask[:, :-1]).float().mean()
    assert abs(float(neighbours) - share**2) < 0.002


def test_shares_that_no_sixteen_bits_express_are_taken_for_the_nearest() -> None:
    torch.manual_seed(0)
    assert float(keep_mask(torch.empty(1000), 1e-9).mean()) > 0.99
    assert float(keep_mask(torch.empty(1000), 1 - 1e-9).mean()) < 0.01


def test_a_mask_follows_the_seed() -> None:
    def draw(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return keep_mask(torch.empty(50), 0.5)

    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))


def test_add_norm_keeps_the_mean_update_while_training() -> None:
    torch.manual_seed(0)
    norm = AddNorm(8, dropout=0.5)
    tokens, update = torch.randn(4, 8), torch.randn(4, 8)
    norm.eval()
    torch.testing.assert_close(norm(tokens, update), F.layer_norm(tokens + update, (8,)))
    norm.train()
    plain = AddNorm(8, dropout=0.0).train()
    torch.testing.assert_close(plain(tokens, update), F.layer_norm(tokens + update, (8,)))
    update.requires_grad_()
    torch.manual_seed(2)
    found = norm(tokens, update)
    torch.manual_seed(2)
    drawn = torch.Generator().manual_seed(int(torch.randint(2**62, ())))
    mask = keep_mask(update, 0.5, drawn)
    expected = F.layer_norm(tokens + update * mask * 2, (8,))
    torch.testing.assert_close(found, expected)
    weight = torch.randn_like(found)
    one, other = (torch.autograd.grad(out, update, weight)[0] for out in (found, expected))
    torch.testing.assert_close(one, other)
    assert (one == 0).any()
