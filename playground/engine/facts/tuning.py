"""FT-L: fine-tuning of one matrix, no weight of which moves further than a bound.

The baseline of Meng et al. 2022 (after Zhu et al. 2020): gradient descent on the facts' prompts
alone, projected back after every step.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from playground.engine.decoding.continuation import Line, padded, target_losses, target_places
from playground.engine.facts.facts import Fact
from playground.engine.facts.float32_fork import starting
from playground.engine.facts.keys import look_at_keys
from playground.engine.facts.lines import about_line, plain_line
from playground.engine.facts.target_values import DONE, Search
from playground.engine.fork import Fork
from playground.engine.fork.side_layers import Beside
from playground.engine.fork.structure import Matrix
from playground.engine.work import Work
from playground.errors import Message

RATE = 0.2  # of Adam, in bounds: a weight is at its bound after five steps at the earliest
ROWS_AT_ONCE = 16


class Moving(Beside):
    """A linear layer and a change of it that learns, (out, in)."""

    def __init__(self, inner: nn.Module, transposed: bool, change: nn.Parameter) -> None:
        super().__init__(inner, transposed)
        self.change = change

    def _dense(self, weight: Tensor) -> Tensor:
        return weight + self.change

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        out: Tensor = self.inner(x) + F.linear(x, self.change)
        return out


def bound(weight: Tensor, clamp: float) -> float:
    """How far a weight may move: ``clamp`` times the matrix's root mean square."""
    return clamp * float(weight.float().square().mean().sqrt())


def fine_tune(own: Fork, matrix: Matrix, facts: Sequence[Fact], search: Search, work: Work) -> Tensor:
    """The change of a matrix that learns all facts together, (out, in) float32.

    :param own: a float32 variant.
    :param search: ``clamp`` is in root mean squares of the matrix; ``kl_weight`` is of what
        "{subject} is a" is followed by.
    :raises Stopped: nobody waits for it any more.
    """
    assert matrix.layer is not None
    lines = [plain_line(own.base, fact) for fact in facts]
    about = [about_line(own.base, fact.subject) for fact in facts] if search.kl_weight else []
    weight = matrix.oriented(own.tensor(matrix.name))
    most = bound(weight, search.clamp)
    with torch.inference_mode(False), torch.enable_grad():
        change = nn.Parameter(torch.zeros(weight.shape))
        moving = own.clone()
        moving.wrap(matrix.name, lambda inner, across: Moving(inner, across, change))
        change.requires_grad_()
        adam = torch.optim.Adam([change], lr=RATE * most)
        batches = [
            _Batch(own, moving, matrix, [*lines, *about][start : start + ROWS_AT_ONCE])
            for start in range(0, len(lines) + len(about), ROWS_AT_ONCE)
        ]
        for step in range(search.steps):
            what = Message("Fine-tuning, step {n} of {of}…", {"n": step + 1, "of": search.steps})
            work.step(step, search.steps, what)
            adam.zero_grad()
            told = sum(batch.backward(search.kl_weight, len(lines)) for batch in batches)
            if told < DONE:
                break
            adam.step()
            with torch.no_grad():
                change.clamp_(-most, most)
    return change.detach()


class _Batch:
    """Some lines, and what reaches the layer that learns."""

    def __init__(self, own: Fork, moving: Fork, matrix: Matrix, lines: Sequence[Line]) -> None:
        assert matrix.layer is not None
        seen = look_at_keys(own, matrix, lines)
        self.lines, self.ids, self.places = lines, padded(lines), target_places(lines)
        self.was = seen.logits[:, 0].log_softmax(-1)
        self.model = starting(moving, matrix.layer, seen.before).model

    def backward(self, kl_weight: float, facts: int) -> float:
        """Add gradients; returns this batch's part of the mean loss of the targets, in nats."""
        out = self.model(input_ids=self.ids, use_cache=False, logits_to_keep=self.places)
        logits, total, told = out.logits.float(), torch.zeros(()), 0.0
        learned = [row for row, line in enumerate(self.lines) if line.target]
        if learned:
            mine = target_losses(logits[learned], [self.lines[row] for row in learned])
            total, told = total + mine.sum() / facts, mine.sum().item() / facts
        rows = [row for row, line in enumerate(self.lines) if not line.target]
        if rows:
            now = logits[rows, 0].log_softmax(-1)
            divergence = F.kl_div(self.was[rows], now, reduction="sum", log_target=True)
            total = total + kl_weight * divergence / facts
        total.backward()
        return told
