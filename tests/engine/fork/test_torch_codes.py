"""PyTorch's kernels multiply by what the codes stand for, whatever the shape, on this processor."""

import pytest
import torch

from playground.engine.fork.torch_codes import INT4_BLOCKS, TOGETHER, Int4Codes, Int8Codes

SHAPES = [(64, 256), (3 * TOGETHER, 512), (TOGETHER + 16, 256), (50, 256), (7, 512), (130, 256)]


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * 0.05


def products(layer: torch.nn.Module, inputs: int) -> torch.Tensor:
    """(out, in) what the kernel makes of each unit vector."""
    return layer(torch.eye(inputs).bfloat16()).T


@pytest.mark.parametrize("block", INT4_BLOCKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_four_bits_multiply_by_what_they_stand_for(shape, block):
    layer = Int4Codes(noise(*shape), block)
    assert layer.dense().shape == shape
    assert torch.equal(products(layer, shape[1]), layer.dense().bfloat16())


@pytest.mark.parametrize("shape", [*SHAPES, (16, 15), (33, 17), (1, 1), (576, 1536)])
def test_eight_bits_multiply_by_what_they_stand_for(shape):
    layer = Int8Codes(noise(*shape))
    assert layer.dense().shape == shape
    assert torch.equal(products(layer, shape[1]), layer.dense().bfloat16())


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 16, 17, 64])
@pytest.mark.parametrize("make", [lambda weight: Int4Codes(weight, 32), Int8Codes], ids=["int4", "int8"])
def test_a_product_is_that_of_a_float64_loop_and_the_same_in_company(make, rows):
    layer, x = make(noise(96, 576)), noise(64, 576, seed=1).bfloat16()
    exact = x.double() @ layer.dense().double().T
    mine = layer(x[:rows])
    assert float((mine.double() - exact[:rows]).norm() / exact[:rows].norm()) < 2**-8
    if rows > 1:  # one row alone goes another way: decoding never does
        assert torch.equal(mine, layer(x)[:rows])


def test_a_row_of_zeros_stays_zero():
    weight = noise(32, 64)
    weight[5] = 0
    for layer in (Int4Codes(weight, 32), Int8Codes(weight)):
        assert not layer.dense()[5].any()
        assert not layer(noise(3, 64).bfloat16())[:, 5].any()
