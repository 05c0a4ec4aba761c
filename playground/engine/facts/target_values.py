"""The value that makes a model continue a fact's prompt with its target, found by gradient.

A vector is added to what an MLP's output matrix gives at the subject's last token, and learned
(Meng et al. 2022, equation 4). Only what comes after that token, in that layer and the later ones,
is computed at each step: everything before stays as it was seen once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from transformers import DynamicCache

from playground.engine.decoding.continuation import Line, target_losses, target_places
from playground.engine.facts.float32_fork import multiplier, starting
from playground.engine.facts.keys import Seen, look_at_keys
from playground.engine.fork import Fork
from playground.engine.fork.structure import Matrix
from playground.engine.work import Work
from playground.errors import Message

DONE = 0.2  # nats: a fact whose loss is less is learned well enough
BETAS = 0.9, 0.999


@dataclass(frozen=True, kw_only=True)
class Search:
    """How values are searched for.

    :param steps: of Adam, at most.
    :param clamp: longest that the added vector may be, in lengths of the hidden state there.
    :param kl_weight: of the divergence of what "{subject} is a" is followed by.
    :param rate: of Adam, in lengths of the hidden state over the root of its size.
    :param decay: of the added vector's length in lengths of the hidden state.
    """

    steps: int
    clamp: float
    kl_weight: float
    rate: float = 0.15
    decay: float = 0.5


class Tail:
    """What a model computes from the subjects' last tokens on, from one layer on.

    Rows are put so that the subjects' last tokens stand under one another: what each attends to
    before is filled up on the left and masked, what follows is filled up on the right.
    """

    def __init__(self, own: Fork, matrix: Matrix, seen: Seen) -> None:
        assert matrix.layer is not None
        self.matrix, self.seen, ahead = matrix, seen, own.virtual_count()
        self.own = starting(own, matrix.layer)
        self.last = torch.tensor([line.subject for line in seen.lines])
        width = max(len(line.ids) - line.subject for line in seen.lines)
        longest = int(self.last.max())
        self.positions = self.last[:, None] + ahead + torch.arange(width)
        self.places = target_places(seen.lines) - self.last[:, None]
        self.ids = torch.zeros(len(seen.lines), width, dtype=torch.long)
        for row, line in enumerate(seen.lines):
            rest = line.ids[line.subject :]
            self.ids[row, : len(rest)] = torch.tensor(rest)
        # (rows, longest): which place of a row comes under each; negative ones are filled up.
        shift = self.last[:, None] - longest + torch.arange(longest)
        index = torch.cat([torch.arange(ahead).expand(len(shift), -1), shift + ahead], 1)
        real = torch.cat([torch.ones(len(shift), ahead, dtype=torch.bool), shift >= 0], 1)
        self.mask = torch.cat([real, torch.ones_like(self.ids, dtype=torch.bool)], 1).long()
        self.cache = [None if layer is None else _aligned(layer, index, real) for layer in seen.cache]
        self.before = None
        if seen.before is not None:
            after = self.positions - ahead
            self.before = _taken(seen.before, after.clamp(max=seen.before.shape[1] - 1))

    def __call__(self, added: Tensor, rows: Tensor) -> Tensor:
        """Logits with something added at the subjects' last tokens.

        :param added: (n, d_model) to the matrix's output, one for each of ``rows``.
        :param rows: (n,) which lines.
        :return: (n, most targets, vocab) at the lines' ``target_places``.
        """
        assert self.matrix.layer is not None
        own = self.own
        if self.before is not None:
            own = starting(own, self.matrix.layer, self.before[rows])
        width = self.ids.shape[1]

        def add(module: nn.Module, inputs: Any, out: Tensor) -> Tensor:
            shaped = out.view(len(rows), width, -1)
            moved = torch.cat([shaped[:, :1] + added[:, None], shaped[:, 1:]], 1)
            return moved.view(out.shape).to(out.dtype)

        hook = multiplier(own.model, self.matrix).register_forward_hook(add)
        try:
            out = own.model(
                input_ids=self.ids[rows],
                position_ids=self.positions[rows],
                attention_mask=self.mask[rows],
                past_key_values=self._cache(rows),
                logits_to_keep=self.places[rows],
            )
        finally:
            hook.remove()
        logits: Tensor = out.logits.float()
        return logits

    def _cache(self, rows: Tensor) -> DynamicCache:
        """What was before, for layers that are left out too: they tell the length."""
        some = next(layer for layer in self.cache if layer is not None)
        cache = DynamicCache()
        for index, layer in enumerate(self.cache):
            keys, values = layer or some
            if keys.shape[2]:
                cache.update(keys[rows], values[rows], index)
        return cache


def _aligned(layer: tuple[Tensor, Tensor], index: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Keys and values, (rows, heads, tokens, size), at other places; zeros where none is real."""
    rows = torch.arange(len(index))[:, None]
    moved = [t.transpose(1, 2)[rows, index.clamp(min=0)] * real[..., None, None] for t in layer]
    return moved[0].transpose(1, 2), moved[1].transpose(1, 2)


def _taken(states: Tensor, index: Tensor) -> Tensor:
    """(rows, n, d_model) of (rows, tokens, d_model) at (rows, n)."""
    return states[torch.arange(len(index))[:, None], index]


@dataclass(kw_only=True)
class _Sought:
    """One fact's vector while it is learned."""

    rows: list[int]  # of the batch: its prompts, and at last the text about its subject
    length: float  # of the hidden state
    unit: float
    u: Tensor
    first: Tensor = field(init=False)
    second: Tensor = field(init=False)
    done: bool = False

    def __post_init__(self) -> None:
        self.first, self.second = torch.zeros_like(self.u), torch.zeros_like(self.u)

    def step(self, gradient: Tensor, number: int, search: Search) -> None:
        """Adam (Kingma and Ba 2015), then back to the longest that it may be."""
        self.first.lerp_(gradient, 1 - BETAS[0])
        self.second.lerp_(gradient.square(), 1 - BETAS[1])
        first = self.first / (1 - BETAS[0] ** number)
        second = self.second / (1 - BETAS[1] ** number)
        self.u -= search.rate * first / (second.sqrt() + 1e-8)
        most, now = search.clamp * self.length / self.unit, float(self.u.norm())
        if now > most:
            self.u *= most / now


def search_values(
    own: Fork,
    matrix: Matrix,
    groups: Sequence[Sequence[Line]],
    search: Search,
    work: Work,
    told: tuple[int, int] = (0, 1),
) -> Tensor:
    """The vector to add to a matrix's output at each fact's subject, for all at once.

    :param own: a float32 variant.
    :param groups: for each fact its prompts after the prefixes, the bare one first, and at last
        the text about its subject (no target), whose next token is to stay as it was.
    :param told: for progress, how many facts were done before and how many there are.
    :return: (facts, d_model).
    :raises Stopped: nobody waits for it any more.
    """
    lines = [value for group in groups for value in group]
    seen = look_at_keys(own, matrix, lines)
    tail, sought, start = Tail(own, matrix, seen), [], 0
    for group in groups:
        length = float(seen.after[start].norm())
        unit = length / seen.after.shape[1] ** 0.5
        rows = list(range(start, start + len(group)))
        sought.append(_Sought(rows=rows, length=length, unit=unit, u=torch.zeros(seen.after.shape[1])))
        start += len(group)
    for step in range(search.steps):
        active = [value for value in sought if not value.done]
        if not active:
            break
        what = Message(
            "Facts: {done} of {of} learned; the next, step {step} of {steps}…",
            {"done": told[0], "of": told[1], "step": step + 1, "steps": search.steps},
        )
        work.step(told[0] * search.steps + step, told[1] * search.steps, what)
        _one_step(tail, active, search, step + 1)
    return torch.stack([value.u * value.unit for value in sought])


def _one_step(tail: Tail, active: list[_Sought], search: Search, number: int) -> None:
    rows = torch.tensor([row for value in active for row in value.rows])
    with torch.inference_mode(False), torch.enable_grad():
        vectors = [value.u.clone().requires_grad_() for value in active]
        added = [(u * value.unit).expand(len(value.rows), -1) for u, value in zip(vectors, active, strict=True)]
        logits, start, total = tail(torch.cat(added), rows), 0, torch.zeros(())
        for u, value in zip(vectors, active, strict=True):
            mine = logits[start : start + len(value.rows)]
            lines = [tail.seen.lines[row] for row in value.rows]
            told = target_losses(mine[:-1], lines[:-1]).mean()
            value.done = told.item() < DONE
            start += len(value.rows)
            if value.done:
                continue
            was = tail.seen.logits[value.rows[-1], 0].log_softmax(-1)
            now = mine[-1, 0].log_softmax(-1)
            divergence = F.kl_div(was, now, reduction="sum", log_target=True)  # KL(now || was)
            length = u.norm() * value.unit / value.length
            total = total + told + search.kl_weight * divergence + search.decay * length
        if total.requires_grad:
            gradients = torch.autograd.grad(total, vectors, allow_unused=True)
    for gradient, value in zip(gradients if total.requires_grad else [], active, strict=False):
        if not value.done and gradient is not None:
            value.step(gradient, number, search)
