"""What a text does inside a model: the statistics by which edits choose weights.

Norms and gradients are gathered once for each variant and text, and kept in the shared cache.
What is gathered layer by layer is not kept: it depends on the layers already changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from playground.engine.fork import Fork
from playground.engine.fork.structure import Matrix, layers, matrices, tied_groups
from playground.engine.models.loader import CACHE
from playground.engine.models.token_ids import token_ids
from playground.engine.work import Work
from playground.errors import Message, RecipeError

SHIPPED = Path(__file__).resolve().parents[3] / "assets" / "texts" / "calibration.txt"
MAX_TEXT = 20_000  # characters
NORM_TOKENS = 4_096  # of a text that norms and gradients are taken from
HESSIAN_TOKENS = 16_384  # of a text that Hessians are: they have many more numbers to settle
LEAST_TOKENS = 16
WINDOW = 512  # tokens seen at once
LONGEST, SINK = 4.0, 8.0  # see ``weighed``
READING = Message("Reading the calibration text…")


@dataclass(frozen=True, eq=False)
class Statistics:
    """Tensors by the names of the weights that they are about."""

    of: dict[str, Tensor]

    def storages(self) -> dict[Hashable, int]:
        """What the cache counts."""
        return {tensor.data_ptr(): tensor.nbytes for tensor in self.of.values()}


@cache
def calibration_text() -> str:
    """The calibration text that comes with the playground."""
    return SHIPPED.read_text(encoding="utf-8")


def windows(fork: Fork, text: str, most: int = NORM_TOKENS) -> list[Tensor]:
    """A calibration text as pieces of (1, at most 512) token ids, ``most`` tokens in all.

    :param text: empty for the shipped one.
    :raises RecipeError: it has too few tokens.
    """
    ids = token_ids(fork.base.tokenizer, text or calibration_text())[:most]
    if len(ids) < LEAST_TOKENS:
        raise RecipeError(
            "The calibration text has {count} tokens: give at least {limit}, better thousands.",
            count=len(ids),
            limit=LEAST_TOKENS,
        )
    context = getattr(fork.base.model.config, "max_position_embeddings", WINDOW)
    parts = torch.tensor(ids)[None].split(min(WINDOW, context), dim=1)
    return [part for part in parts if part.shape[1] > 1]


def input_norms(fork: Fork, text: str, work: Work) -> Statistics:
    """For every weight matrix, the L2 norm of each of its inputs over all tokens, (in,)."""

    def gather() -> Statistics:
        squares: dict[str, Tensor] = {}
        with _inputs(fork, [m for m in matrices(fork) if _multiplies(fork, m)]) as take:
            for part in _steps(windows(fork, text), work):
                fork.model(input_ids=part, use_cache=False)
                for name, x in take():
                    squares[name] = squares.get(name, 0) + x.float().square().sum(0)
        return Statistics({name: total.sqrt() for name, total in squares.items()})

    return _once("norms", fork, text, gather)


def _multiplies(fork: Fork, matrix: Matrix) -> bool:
    """Whether a matrix multiplies activations: all do but an embedding, which is looked up."""
    return matrix.layer is not None or matrix.name == fork.weight_name("output")


def gradients(fork: Fork, text: str, work: Work) -> Statistics:
    """For every weight matrix, the gradient of the mean next-token loss on a text.

    Summed in float32, kept in the model's dtype. The names of a tied pair share one gradient.
    """

    def gather() -> Statistics:
        groups = tied_groups(fork, matrices(fork))  # before folding parts what is patched alike
        own = fork.clone()
        own.fold()
        totals: dict[str, Tensor] = {}
        tokens = 0
        with torch.inference_mode(False), torch.enable_grad():
            for group in groups:
                _watch(own, [matrix.name for matrix in group], totals)
            for part in _steps(windows(fork, text), work):
                logits = own.model(input_ids=part, use_cache=False).logits[0, :-1]
                F.cross_entropy(logits.float(), part[0, 1:], reduction="sum").backward()
                tokens += part.shape[1] - 1
        sums: dict[str, Tensor] = {}
        for first, *others in groups:
            gradient = totals.pop(first.name).div_(tokens).to(fork.base.dtype)
            sums |= dict.fromkeys([m.name for m in (first, *others)], gradient)
        return Statistics(sums)

    return _once("gradients", fork, text, gather)


def _watch(own: Fork, names: list[str], totals: dict[str, Tensor]) -> None:
    """Let one weight of a private clone add its gradients to ``totals``, each dropped at once."""
    parameter = nn.Parameter(own.tensor(names[0]).detach())

    def add(gradient: Tensor) -> None:
        assert gradient.grad is not None
        if names[0] in totals:
            totals[names[0]] += gradient.grad
        else:
            totals[names[0]] = gradient.grad.float()
        gradient.grad = None

    parameter.register_post_accumulate_grad_hook(add)
    own.share(names, parameter)


def weighed(inputs: Tensor) -> Tensor:
    """Inputs of one window, (tokens, in), as they count in a Hessian.

    A window's first token is an attention sink (Xiao et al. 2024): all later ones attend to it,
    so an error there reaches them all, and it counts as 64. Counted as one of thousands, GPTQ made
    SmolLM2's value matrices worse than rounding did. Before that, no token may be longer than
    four times the median: the sink's activations are hundreds of times as large in the
    last layers (Sun et al. 2024), whose Hessians would be about little else. Sung et al. 2025
    weigh tokens by the attention that they receive, to the same end.
    """
    length = inputs.norm(dim=1, keepdim=True).clamp(min=1e-12)
    limited = inputs * (LONGEST * length.median() / length).clamp(max=1)
    limited[0] *= SINK
    return limited


@torch.no_grad()
def by_layer(
    fork: Fork, text: str, chosen: Sequence[Matrix], work: Work, change: Callable[[Matrix, Tensor], None]
) -> None:
    """Change matrices layer by layer, each with the Hessian of what now reaches it.

    Every layer sees the text as the layers before it, already changed, pass it on: the order of
    SparseGPT (Frantar and Alistarh 2023) and GPTQ (Frantar et al. 2023).

    :param change: gets a matrix and H = X^T X of its inputs X (tokens, in), ``weighed``,
        float32 (in, in).
    """
    _, stack = layers(fork.model)
    parts = windows(fork, text, HESSIAN_TOKENS)
    if fork.virtual is not None:  # they would be in a cache that layers seen twice fill twice;
        fork.virtual.pairs = []  # settling the fork after the edit brings them back
    hidden, arguments = _before_layers(fork, stack, parts, work)
    last = max((matrix.layer or 0 for matrix in chosen), default=-1)
    for index, layer in enumerate(stack[: last + 1]):
        mine = [matrix for matrix in chosen if matrix.layer == index]
        work.step(index, len(stack), Message("Layer {n} of {of}…", {"n": index + 1, "of": len(stack)}))
        if mine:
            hessians: dict[str, Tensor] = {}
            with _inputs(fork, mine) as take:
                for x, keywords in zip(hidden, arguments[index], strict=True):
                    layer(x, **keywords)
                    for name, seen in take():
                        seen = weighed(seen.float())
                        hessians[name] = hessians.get(name, 0) + seen.T @ seen
            for matrix in mine:
                work.step(index, len(stack), Message("{name}…", {"name": matrix.name}))
                change(matrix, hessians[matrix.name])
        pairs = zip(hidden, arguments[index], strict=True)
        hidden = [_first(layer(x, **keywords)) for x, keywords in pairs]


def _before_layers(
    fork: Fork, stack: nn.ModuleList, parts: list[Tensor], work: Work
) -> tuple[list[Tensor], list[list[dict[str, Any]]]]:
    """What reaches the first layer, and what else each layer is called with, for every window."""
    hidden: list[Tensor] = []
    arguments: list[list[dict[str, Any]]] = [[] for _ in stack]

    def note(index: int) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
            keywords = dict(keywords)
            x = args[0] if args else keywords.pop("hidden_states")
            if index == 0:
                hidden.append(x)
            arguments[index].append(keywords)

        return hook

    hooks = [layer.register_forward_pre_hook(note(index), with_kwargs=True) for index, layer in enumerate(stack)]
    try:
        for part in parts:
            work.step(0, len(stack), READING)
            fork.model(input_ids=part, use_cache=False, logits_to_keep=1)
    finally:
        for hook in hooks:
            hook.remove()
    return hidden, arguments


def _first(out: Any) -> Tensor:
    """A layer's hidden states, whether it returns them alone or first in a tuple."""
    tensor: Tensor = out[0] if isinstance(out, tuple) else out
    return tensor


@contextmanager
def _inputs(fork: Fork, chosen: Sequence[Matrix]) -> Iterator[Callable[[], list[tuple[str, Tensor]]]]:
    """Inside, what reached each matrix since one last asked: (name, (tokens, in)) pairs."""
    seen: list[tuple[str, Tensor]] = []

    def note(name: str) -> Callable[..., None]:
        return lambda module, args: seen.append((name, args[0].flatten(0, -2)))

    def take() -> list[tuple[str, Tensor]]:
        inputs = list(seen)
        seen.clear()
        return inputs

    hooks = [
        fork.model.get_submodule(m.name.rpartition(".")[0]).register_forward_pre_hook(note(m.name)) for m in chosen
    ]
    try:
        with torch.no_grad():
            yield take
    finally:
        for hook in hooks:
            hook.remove()


def _steps(parts: list[Tensor], work: Work) -> Iterator[Tensor]:
    for done, part in enumerate(parts):
        work.step(done, len(parts), READING)
        yield part


def _once(what: str, fork: Fork, text: str, gather: Callable[[], Statistics]) -> Statistics:
    """From the cache where this variant has been looked at with this text before."""
    digest = hashlib.sha256((text or calibration_text()).encode()).hexdigest()
    key = (what, fork.origin, digest)
    return gather() if fork.origin is None else CACHE.get_or_build(key, gather)
