"""Adapters in a model: thin changes beside a layer, and tokens that nobody typed before a text.

Modules only; what an adapter's file is, and which layers it is for, is in ``adapters/``. Weights
of adapters are kept and multiplied in float32, as PEFT does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from transformers import DynamicCache

from playground.engine.fork.patched_rows import dense_weight, plain_module, rows_at


class Beside(nn.Module):
    """A linear layer whose effect is changed by something thin beside it.

    :param inner: the layer, or another of these; shared, not copied.
    :param transposed: whether it stores its weight (in, out), as GPT-2's Conv1D does.
    """

    inner: Any

    def __init__(self, inner: nn.Module, transposed: bool) -> None:
        super().__init__()
        self.inner, self.transposed = inner, transposed

    @property
    def weight(self) -> Tensor:
        """The weight that has the same effect, stored as the wrapped layer's: a copy."""
        plain = dense_weight(self.inner)
        changed = self._dense((plain.T if self.transposed else plain).float())
        return (changed.T if self.transposed else changed).to(plain.dtype).contiguous()

    @property
    def bias(self) -> Tensor | None:
        """The bias that has the same effect; an embedding has none."""
        bias: Tensor | None = getattr(self.inner, "bias", None)
        return bias

    def _dense(self, weight: Tensor) -> Tensor:
        """(out, in) float32 with the change, from the same without."""
        raise NotImplementedError


class LowRank(Beside):
    """LoRA (Hu et al. 2021): W x + scale B (A x); with a magnitude, DoRA (Liu et al. 2024).

    Beside an embedding, whose weight is (tokens, d_model), x are token ids.

    :param down: A, (r, in).
    :param up: B, (out, r).
    :param scale: alpha / r (rsLoRA: alpha / sqrt(r)) times what the visitor chose.
    :param magnitude: (out,) length of each row of the changed weight, for DoRA.
    """

    def __init__(
        self,
        inner: nn.Module,
        transposed: bool,
        down: Tensor,
        up: Tensor,
        scale: float,
        magnitude: Tensor | None = None,
    ) -> None:
        super().__init__(inner, transposed)
        self.down, self.up, self.scale = _frozen(down), _frozen(up), scale
        stretch = None
        if magnitude is not None:
            plain = dense_weight(self.inner)
            changed = (plain.T if transposed else plain).float() + scale * (self.up @ self.down)
            stretch = _frozen(magnitude.float() / changed.norm(dim=1).clamp(min=1e-12))
        self.stretch = stretch  # (out,) what each row is multiplied by

    def _dense(self, weight: Tensor) -> Tensor:
        weight = weight + self.scale * (self.up @ self.down)
        return weight if self.stretch is None else self.stretch[:, None] * weight

    def rows_at(self, ids: Tensor) -> Tensor:
        """(n, in) float32: rows of the weight that has the same effect, stored (out, in)."""
        rows = rows_at(self.inner, ids) + self.scale * (self.up[ids] @ self.down)
        return rows if self.stretch is None else self.stretch[ids][:, None] * rows

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out), in the dtype of the wrapped layer's answer."""
        plain: Tensor = self.inner(x)
        if not x.is_floating_point():  # some embeddings scale what they look up
            looked_up = F.embedding(x, self.up) @ self.down * self.scale
            factor = getattr(plain_module(self), "embed_scale", 1.0)
            return (plain + looked_up * factor).to(plain.dtype)
        thin = F.linear(F.linear(x.to(self.down.dtype), self.down), self.up) * self.scale
        if self.stretch is None:
            return (plain + thin).to(plain.dtype)
        bias = 0 if self.bias is None else self.bias
        return (self.stretch * (plain - bias + thin) + bias).to(plain.dtype)


class Rescaled(Beside):
    """IA³ (Liu et al. 2022): each input, or each output, times a learned number.

    :param factor: (in,) or (out,), with the visitor's scale applied.
    :param on_input: which of the two; PEFT's ``feedforward_modules`` are on the input.
    """

    def __init__(self, inner: nn.Module, transposed: bool, factor: Tensor, on_input: bool) -> None:
        super().__init__(inner, transposed)
        self.factor, self.on_input = _frozen(factor), on_input

    @property
    def bias(self) -> Tensor | None:
        """The wrapped layer's; on the output it is multiplied too."""
        plain: Tensor | None = self.inner.bias
        if plain is None or self.on_input:
            return plain
        return (plain * self.factor).to(plain.dtype)

    def _dense(self, weight: Tensor) -> Tensor:
        return weight * (self.factor if self.on_input else self.factor[:, None])

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out), in the dtype of the wrapped layer's answer."""
        if self.on_input:
            out: Tensor = self.inner((x * self.factor).to(x.dtype))
            return out
        plain: Tensor = self.inner(x)
        return (plain * self.factor).to(plain.dtype)


class Bottleneck(Beside):
    """A bottleneck adapter (Houlsby et al. 2019): y + scale up(gelu(down(y))) of the layer's y.

    It sits after the last layer of a block, before the sum with the residual stream. No weight
    has its effect, so ``weight`` is the wrapped layer's, and stays replaceable under it.

    :param down: weight (m, out) and bias (m,).
    :param up: weight (out, m) and bias (out,).
    """

    def __init__(
        self, inner: nn.Module, transposed: bool, down: tuple[Tensor, Tensor], up: tuple[Tensor, Tensor], scale: float
    ) -> None:
        super().__init__(inner, transposed)
        self.down, self.down_bias = map(_frozen, down)
        self.up, self.up_bias = map(_frozen, up)
        self.scale = scale

    def _dense(self, weight: Tensor) -> Tensor:
        return weight

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out), in the dtype of the wrapped layer's answer."""
        plain: Tensor = self.inner(x)
        inside = F.gelu(F.linear(plain.to(self.down.dtype), self.down, self.down_bias))
        return (plain + self.scale * F.linear(inside, self.up, self.up_bias)).to(plain.dtype)


class VirtualTokens(nn.Module):
    """Learned tokens before every text, as keys and values that each layer attends to.

    Prefix tuning (Li and Liang 2021) learns these; prompt tuning (Lester et al. 2021) and
    P-tuning (Liu et al. 2021) learn embeddings, which are run through the model once.

    :param embeddings: (n, d_model), for prompt tuning.
    :param pairs: keys and values of each layer, (heads, n, head_dim) each, for prefix tuning.
    """

    NAME = "virtual_tokens"

    def __init__(self, embeddings: Tensor | None, pairs: list[tuple[Tensor, Tensor]] | None = None) -> None:
        super().__init__()
        self.embeddings = None if embeddings is None else _frozen(embeddings)
        flat = [tensor for pair in pairs or [] for tensor in pair]
        self.given = nn.ParameterList([_frozen(tensor) for tensor in flat])
        self.pairs: list[tuple[Tensor, Tensor]] = []

    def attach(self, model: nn.Module) -> None:
        """Let a model see these before everything else."""
        model.add_module(self.NAME, self)
        model.register_forward_pre_hook(_before, with_kwargs=True)

    def held(self) -> Iterator[Tensor]:
        """The keys and values, kept beside the parameters."""
        for pair in self.pairs:
            yield from pair

    def count(self) -> int:
        """How many tokens they are."""
        if self.embeddings is not None:
            return len(self.embeddings)
        return int(self.given[0].shape[1]) if len(self.given) else 0

    @torch.no_grad()  # and not inference_mode: training on top goes through these
    def settle(self, model: Any) -> None:
        """Work out the keys and values from a model as it is now."""
        self.work_out(model)

    def work_out(self, model: Any) -> None:
        """The same with gradients, where they are wanted."""
        if self.embeddings is None:
            flat = [tensor.to(model.dtype)[None] for tensor in self.given]
            self.pairs = list(zip(flat[::2], flat[1::2], strict=True))
            return
        self.pairs = []
        cache = DynamicCache()
        model(inputs_embeds=self.embeddings[None].to(model.dtype), past_key_values=cache)
        self.pairs = [
            (layer.keys, layer.values) if layer.keys is not None else (EMPTY, EMPTY)
            for layer in cast(list[Any], cache.layers)
        ]


EMPTY = torch.empty(1, 0, 0, 0)


def _before(model: Any, args: Any, keywords: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Put the virtual tokens' keys and values into a cache that is empty."""
    mine: VirtualTokens = model.virtual_tokens
    cache = keywords.get("past_key_values")
    if cache is None:
        cache = DynamicCache()
    if mine.pairs and not cache.get_seq_length():
        rows = len(keywords["input_ids"])
        for index, (keys, values) in enumerate(mine.pairs):
            if keys.numel():
                shape = (rows, -1, -1, -1)
                cache.update(keys.expand(shape), values.expand(shape), index)
        keywords = keywords | {"past_key_values": cache}
        mask = keywords.get("attention_mask")
        if mask is not None:  # of the text alone: nothing before it is padding
            ahead = mask.new_ones(rows, mine.count())
            keywords["attention_mask"] = torch.cat([ahead, mask], 1)
    return args, keywords


def _frozen(tensor: Tensor) -> nn.Parameter:
    return nn.Parameter(tensor.float().contiguous(), requires_grad=False)
