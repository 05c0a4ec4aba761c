"""A fork as a flat list of products: what a step of decoding needs and no module call more.

For Llama-like models. Queries, keys and values are one product, gates and inner units another, where the fork's
tensors lie one behind the other (``models/fused.py``). A layer that is something else, packed or with an adapter
beside it, is called as the module that it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from playground.engine.decoding.key_values import KeyValues, Look, Places
from playground.engine.decoding.modules_plan import ModulesPlan
from playground.engine.fork import Fork
from playground.engine.fork.ensemble import Ensemble
from playground.engine.fork.module_tree import DroppedLayer
from playground.engine.fork.patched_rows import rows_at
from playground.engine.models.float32_head import PreciseHead

PLANNED = ("LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM", "Gemma3ForCausalLM")
FIXED_ROTATIONS = ("default", "linear", "llama3", "yarn")  # others turn by how long the text is
PLAIN = (nn.Linear, PreciseHead)
MOST_TIED = 16  # tokens of a row that are looked at again
ROUNDED = 2**-7  # of a bfloat16 number: its distance to the next is at most this part of it
# (tokens, in) to (out, tokens). The weight comes first, W x and not x W: that is what the processor's library does
# without packing the weight anew each time, and what it rounds the same way however many tokens there are.
Product = Callable[[Tensor], Tensor]


# Which of a layer's products, what went in (tokens, in) and what came out (out, tokens), to the same with what rows
# have beside it
Added = Callable[[str, Tensor, Tensor], Tensor]


def _nothing(product: str, x: Tensor, out: Tensor) -> Tensor:
    return out


@dataclass(frozen=True, eq=False, slots=True)
class Norm:
    """A root mean square norm over the last dimension.

    A layer norm of [x, -x], whose mean is 0 and whose variance is the mean square of x: PyTorch has a kernel for that
    on a processor, and composes the other of eight.

    :param weight: (2n,) the norm's own, twice; in float32 for Gemma's, which is rounded once at its end.
    """

    weight: Tensor
    eps: float

    def __call__(self, x: Tensor) -> Tensor:
        """(..., n) to the same, in its dtype."""
        wide = x.to(self.weight.dtype)
        size = x.shape[-1]
        both = F.layer_norm(torch.cat([wide, -wide], -1), (2 * size,), self.weight, None, self.eps)
        return both[..., :size].to(x.dtype)


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class PlanLayer:
    """One layer; ``turned`` is the kind of its rotations."""

    before: Norm
    qkv: Product
    look: Look
    norms: tuple[Norm, Norm] | None  # of queries and keys
    turned: str
    out: Product
    after: Norm | None
    inner: Norm
    gates: Product  # gates and inner units, one behind the other
    act: Callable[[Tensor], Tensor]
    down: Product
    last: Norm | None

    def rotated(self, qkv: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
        """(tokens, heads, numbers) queries and keys turned by their places, values as they are.

        :param qkv: (heads x numbers, tokens).
        """
        queries, keys, size = self.look.heads
        qkv = qkv.T.contiguous().view(-1, queries + 2 * keys, size)
        if self.norms is not None:
            normed = self.norms[0](qkv[:, :queries]), self.norms[1](qkv[:, queries : queries + keys])
            qkv = torch.cat([*normed, qkv[:, queries + keys :]], 1)
        cos, sin = turns
        return torch.addcmul(qkv * cos, qkv.roll(size // 2, -1), sin)

    def fed(self, x: Tensor, attended: Tensor, added: Added) -> Tensor:
        """(tokens, d_model) after the layer, from what went in and what it attended to."""
        mixed = added("out", attended, self.out(attended)).T
        x = x + (mixed if self.after is None else self.after(mixed))
        inner = self.inner(x)
        gates, units = added("gates", inner, self.gates(inner)).chunk(2)
        units = (self.act(gates) * units).T
        fed = added("down", units, self.down(units)).T
        return x + (fed if self.last is None else self.last(fed))


class Plan:
    """A fork's way from tokens to logits; only reads tensors, and holds none of its own but for norms.

    :param fork: as it is now; whoever edits it makes another plan.
    :param layers: the model's, those taken out left out, with their places among all.
    """

    piece = 128  # tokens of a prompt at a time, a tenth of a second: the same pieces whoever else is answered

    def __init__(self, fork: Fork, layers: Sequence[tuple[int, PlanLayer]]) -> None:
        model: Any = fork.model
        self.layers = tuple(layers)
        self.embed: nn.Module = model.get_input_embeddings()
        self.head: Any = model.get_output_embeddings()
        self.vocabulary = _together([self.head])
        self.norm = _norm(model.model.norm)
        self.turner = model.model.rotary_emb
        self.kinds = sorted({layer.turned for _, layer in layers})
        self.dtype = model.model.norm.weight.dtype
        kept = (keys * size for _, keys, size in (layer.look.heads for _, layer in layers))
        self.place_bytes = 2 * sum(kept) * self.dtype.itemsize  # of one token's keys and values
        virtual = fork.virtual
        self.ahead = () if virtual is None else tuple(virtual.pairs)

    def room(self, rows: int, capacity: int) -> KeyValues:
        """Where a batch's keys and values are kept."""
        shapes = [layer.look.heads for _, layer in self.layers]
        return KeyValues(rows, capacity, [(keys, size) for _, keys, size in shapes], self.dtype)

    def begin(self, kept: KeyValues, row: int, ahead: Sequence[tuple[Tensor, Tensor]] = ()) -> None:
        """Let a row begin, with learned tokens that come before its text."""
        kept.clear(row)
        if ahead := ahead or self.ahead:
            kept.fill(row, [ahead[place] for place, _ in self.layers])

    def read(self, ids: Sequence[int], kept: KeyValues, row: int, beside: Any = None) -> Tensor:
        """Read a piece of a row's prompt; (d_model,) what came of its last token, before the head.

        :param beside: the row's own (:class:`~playground.engine.decoding.thin.Beside`).
        """
        start = kept.lengths[row]
        places = Places.of_piece(start, len(ids))
        x = self._run(torch.tensor(list(ids)), places, kept, row, beside)
        kept.lengths[row] = start + len(ids)
        return x[0]

    def finish(self, kept: KeyValues, row: int) -> None:
        """A row's prompt was read: nothing to do."""

    def logits(self, read: Tensor, beside: Any = None) -> Tensor:
        """(n, vocab) from (n, d_model)."""
        logits = self.vocabulary(read).T
        return logits if beside is None else beside.voted(read, logits)

    def likeliest(self, read: Tensor, logits: Tensor, beside: Any = None) -> list[int]:
        """The likeliest token of each row. Of those that bfloat16 cannot tell apart, by a product in float32: what
        shares a row's batch may round a logit otherwise, and a tie must not be decided by that."""
        if logits.dtype == torch.float32:
            return logits.argmax(-1).tolist()
        best = logits.amax(-1).float()
        near = logits.T.ge((best - ROUNDED * best.abs()).to(logits.dtype))
        ids, rows = near.nonzero(as_tuple=True)
        if len(rows) > MOST_TIED * len(read):  # no numbers to choose by
            return logits.float().nan_to_num().argmax(-1).tolist()
        heads = rows_at(self.head, ids) if beside is None else beside.rows_at(self.head, rows, ids)
        exact = (heads * read[rows].float()).sum(-1)
        most = exact.new_full((len(read),), -torch.inf).scatter_reduce(0, rows, exact, "amax")
        found: dict[int, int] = {}
        for row, token, here in zip(rows.tolist(), ids.tolist(), (exact == most[rows]).tolist(), strict=True):
            if here:
                found.setdefault(row, token)
        return [found.get(row, 0) for row in range(len(read))]  # of a row whose numbers are none: any

    def step(self, tokens: Sequence[int], kept: KeyValues, beside: Any = None) -> Tensor:
        """One token more for each of the first rows; (rows, d_model) what came of it, before the head.

        Whose lengths grow by it is for the caller to say: some rows may be there for their number alone.
        """
        places = Places.of_step(kept.lengths[: len(tokens)])
        return self._run(torch.tensor(list(tokens)), places, kept, None, beside)

    def _run(self, ids: Tensor, places: Places, kept: KeyValues, row: int | None, beside: Any) -> Tensor:
        x: Tensor = self.embed(ids)
        x = x if beside is None else beside.embedded(ids, x)
        turns = {kind: self._turns(x, places.positions, kind) for kind in self.kinds}
        for number, (_, layer) in enumerate(self.layers):
            added = _nothing if beside is None else beside.at(number)
            before = layer.before(x)
            qkv = layer.rotated(added("qkv", before, layer.qkv(before)), turns[layer.turned])
            x = layer.fed(x, kept.attend(number, qkv, layer.look, places, row), added)
        return self.norm(x if row is None else x[-1:])

    def _turns(self, x: Tensor, positions: Tensor, kind: str) -> tuple[Tensor, Tensor]:
        """(tokens, heads, numbers) cosines and signed sines; a value is turned by nothing."""
        more = (kind,) if kind else ()
        cos, sin = (part[0] for part in self.turner(x, positions[None], *more))
        layer = next(layer for _, layer in self.layers if layer.turned == kind)
        queries, keys, size = layer.look.heads
        signed = torch.cat([-sin[:, : size // 2], sin[:, size // 2 :]], 1)
        turned, still = (len(x), queries + keys, size), (len(x), keys, size)
        cos = torch.cat([cos[:, None].expand(turned), cos.new_ones(still)], 1)
        return cos, torch.cat([signed[:, None].expand(turned), sin.new_zeros(still)], 1)


def plan_of(fork: Fork) -> Plan | ModulesPlan:
    """How a fork decodes as it is now; through its modules where its layout has no plan here."""
    return _planned(fork) or ModulesPlan(fork)


def is_planned(model: Any) -> bool:
    """Whether a model is of a layout that is decoded by a plan."""
    if type(model).__name__ not in PLANNED or hasattr(model, Ensemble.NAME):
        return False
    config = model.config
    ropes = config.rope_parameters
    rotations = {one["rope_type"] for one in ([ropes] if "rope_type" in ropes else ropes.values())}
    capped = any(getattr(config, f"{part}_logit_softcapping", None) for part in ("attn", "final"))
    return rotations <= {*FIXED_ROTATIONS} and not capped and not getattr(config, "use_bidirectional_attention", False)


def _planned(fork: Fork) -> Plan | None:
    model: Any = fork.model
    if not is_planned(model):
        return None
    config = model.config
    found = [(n, layer) for n, layer in enumerate(model.model.layers) if not isinstance(layer, DroppedLayer)]
    return Plan(fork, [(n, _layer(layer, config, n)) for n, layer in found]) if found else None


def _layer(layer: Any, config: Any, number: int) -> PlanLayer:
    attention, mlp = layer.self_attn, layer.mlp
    size = attention.head_dim
    heads = config.num_attention_heads, config.num_key_value_heads, size
    gemma = hasattr(layer, "pre_feedforward_layernorm")
    kinds = getattr(config, "layer_types", None)
    kind = kinds[number] if kinds else "sliding_attention"
    window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    return PlanLayer(
        before=_norm(layer.input_layernorm),
        qkv=_together([attention.q_proj, attention.k_proj, attention.v_proj]),
        look=Look(heads, attention.scaling, window if kind == "sliding_attention" else None),
        norms=(_norm(attention.q_norm), _norm(attention.k_norm)) if hasattr(attention, "q_norm") else None,
        turned=kind if gemma else "",
        out=_together([attention.o_proj]),
        after=_norm(layer.post_attention_layernorm) if gemma else None,
        inner=_norm(layer.pre_feedforward_layernorm if gemma else layer.post_attention_layernorm),
        gates=_together([mlp.gate_proj, mlp.up_proj]),
        act=F.silu if isinstance(mlp.act_fn, nn.SiLU) else mlp.act_fn,
        down=_together([mlp.down_proj]),
        last=_norm(layer.post_feedforward_layernorm) if gemma else None,
    )


def _norm(module: Any) -> Norm:
    weight = module.weight.detach()
    if hasattr(module, "variance_epsilon"):
        return Norm(torch.cat([weight, weight]), module.variance_epsilon)
    weight = 1.0 + weight.float()  # Gemma's
    return Norm(torch.cat([weight, weight]), module.eps)


def _together(layers: Sequence[nn.Module]) -> Product:
    """Several layers that multiply the same numbers, as one product where their weights lie one behind the other."""
    plain: list[Any] = [layer for layer in layers if type(layer) in PLAIN]
    weight = _adjacent([layer.weight.detach() for layer in plain]) if len(plain) == len(layers) else None
    biases = [layer.bias.detach() for layer in plain if layer.bias is not None]
    if weight is None or len(biases) not in (0, len(layers)):
        return _in_turn([_plain(layer) if type(layer) in PLAIN else _module(layer) for layer in layers])
    return _product(weight, torch.cat(biases) if biases else None)


def _plain(layer: Any) -> Product:
    return _product(layer.weight.detach(), None if layer.bias is None else layer.bias.detach())


def _product(weight: Tensor, bias: Tensor | None) -> Product:
    if bias is None:
        return lambda x: weight @ x.T
    across = bias[:, None]
    return lambda x: torch.addmm(across, weight, x.T)


def _module(layer: nn.Module) -> Product:
    return lambda x: layer(x[None])[0].T  # some look for a batch


def _in_turn(products: Sequence[Product]) -> Product:
    if len(products) == 1:
        return products[0]
    return lambda x: torch.cat([product(x) for product in products])


def _adjacent(weights: Sequence[Tensor]) -> Tensor | None:
    """Matrices that lie one behind the other, as one: a view. None where they do not."""
    first, *rest = weights
    end = first.data_ptr() + first.nbytes
    for weight in rest:
        same = weight.untyped_storage().data_ptr() == first.untyped_storage().data_ptr()
        if not same or weight.data_ptr() != end or weight.shape[1] != first.shape[1]:
            return None
        end += weight.nbytes
    if not all(weight.is_contiguous() for weight in weights):
        return None
    rows = sum(len(weight) for weight in weights)
    return first.as_strided((rows, first.shape[1]), (first.shape[1], 1), first.storage_offset())
