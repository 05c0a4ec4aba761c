from __future__ import annotations

import threading

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from playground.engine.models import float32_head
from playground.engine.models.float32_head import PreciseHead, float32_logits

DTYPES = [torch.float32, torch.bfloat16, torch.float16]


def head(dtype: torch.dtype, bias: bool = False, vocab: int = 300) -> nn.Linear:
    torch.manual_seed(5)
    return nn.Linear(32, vocab, bias=bias).to(dtype).requires_grad_(False)


def hidden(dtype: torch.dtype, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(6)
    return (20 * torch.randn(*shape, 32, generator=generator)).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("bias", [False, True])
def test_inside_it_equals_the_float32_product(dtype, bias):
    plain = head(dtype, bias)
    mine = PreciseHead.sharing(plain)
    for x in (hidden(dtype), hidden(dtype, 1), hidden(dtype, 2, 3), hidden(dtype, 0)):
        truth = x.double() @ plain.weight.double().T
        if bias:
            truth = truth + plain.bias.double()
        with float32_logits():
            found = mine(x)
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.double(), truth, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("bias", [False, True])
def test_outside_it_is_the_plain_head_bit_for_bit(dtype, bias):
    plain = head(dtype, bias)
    x = hidden(dtype, 2, 3)
    found = PreciseHead.sharing(plain)(x)
    assert found.dtype == dtype
    assert torch.equal(found, F.linear(x, plain.weight, plain.bias))


def test_bfloat16_alone_is_too_coarse_so_the_two_differ():
    """What the module is for: without it the logits would be this far off."""
    plain, x = head(torch.bfloat16), hidden(torch.bfloat16, 4)
    with float32_logits():
        fine = PreciseHead.sharing(plain)(x)
    assert (fine - plain(x).float()).abs().max() > 0.01


@pytest.mark.parametrize("vocab", [1, 7, 8, 9, 16, 17])
def test_a_vocabulary_of_several_parts_is_put_together_whole(monkeypatch, vocab):
    monkeypatch.setattr(float32_head, "ROWS_AT_ONCE", 8)
    plain, x = head(torch.bfloat16, bias=True, vocab=vocab), hidden(torch.bfloat16, 3)
    with float32_logits():
        found = PreciseHead.sharing(plain)(x)
    truth = F.linear(x.float(), plain.weight.float(), plain.bias.float())
    torch.testing.assert_close(found, truth, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bias", [False, True])
def test_it_shares_its_parameters_with_the_head_it_stands_for(bias):
    plain = head(torch.bfloat16, bias)
    mine = PreciseHead.sharing(plain)
    assert mine.weight is plain.weight
    assert mine.bias is plain.bias
    assert (mine.in_features, mine.out_features) == (32, 300)
    assert len(list(mine.parameters())) == 1 + bias


def test_the_wish_ends_with_its_block_also_after_an_error():
    mine, x = PreciseHead.sharing(head(torch.bfloat16)), hidden(torch.bfloat16, 1)
    with float32_logits(), float32_logits():
        pass
    with pytest.raises(KeyError), float32_logits():
        raise KeyError
    assert mine(x).dtype == torch.bfloat16
    with float32_logits():
        with float32_logits():
            pass
        assert mine(x).dtype == torch.float32


def test_one_threads_wish_is_not_anothers():
    mine, x, found = PreciseHead.sharing(head(torch.bfloat16)), hidden(torch.bfloat16, 1), []
    with float32_logits():
        thread = threading.Thread(target=lambda: found.append(mine(x).dtype))
        thread.start()
        thread.join()
    assert found == [torch.bfloat16]


def test_the_loader_gives_every_layout_such_a_head(every_layout):
    assert isinstance(every_layout.model.get_output_embeddings(), PreciseHead)
