"""Nudging tokens: move rows of the embedding, of the output head, or of both.

The functions know rows; the edit knows which rows a text means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from playground.engine.edit import Edit, TensorChange
from playground.engine.fork import Fork, Side
from playground.engine.models.loader import Base
from playground.engine.models.token_ids import named_ids
from playground.engine.work import QUIET, Work
from playground.errors import Message, RecipeError

Direction = Literal["toward", "away", "random", "scale"]
MAX_TEXT = 200  # characters
MAX_TOKENS = 32
MAX_STRENGTH = 10.0
MAX_WEIGHT = 1e6  # far above any trained weight, far below what overflows a norm or a logit


def toward(rows: Tensor, target: Tensor, strength: float, seed: int) -> Tensor:
    """(n, d) rows moved to the target (d,): strength 1 lands on it."""
    return rows + strength * (target - rows)


def away(rows: Tensor, target: Tensor, strength: float, seed: int) -> Tensor:
    """(n, d) rows moved away from the target (d,): ``toward``, negated."""
    return rows - strength * (target - rows)


def random_direction(rows: Tensor, target: Tensor, strength: float, seed: int) -> Tensor:
    """(n, d) rows plus a seeded unit vector each, times strength times the row's norm."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(rows.shape, generator=generator, dtype=torch.float32)
    unit = noise / noise.norm(dim=-1, keepdim=True)
    return rows + strength * rows.norm(dim=-1, keepdim=True) * unit


def scale(rows: Tensor, target: Tensor, strength: float, seed: int) -> Tensor:
    """(n, d) rows times strength: 1 changes nothing, 0 empties them."""
    return rows * strength


DIRECTIONS: dict[Direction, Callable[[Tensor, Tensor, float, int], Tensor]] = {
    "toward": toward,
    "away": away,
    "random": random_direction,
    "scale": scale,
}
NEEDS_TARGET = ("toward", "away")


class NudgeTokens(Edit):
    """Move the rows of each token of ``text`` on one side of the model or on both."""

    KIND: ClassVar[str] = "nudge_tokens"

    kind: Literal["nudge_tokens"] = "nudge_tokens"
    text: str = Field(min_length=1, max_length=MAX_TEXT)
    direction: Direction = "toward"
    target: str = Field(default="", max_length=MAX_TEXT)
    strength: float = Field(default=0.5, strict=True, ge=-MAX_STRENGTH, le=MAX_STRENGTH)
    side: Literal["both", "input", "output"] = "both"
    seed: int = Field(default=0, strict=True, ge=0, le=2**31 - 1)

    def sides(self) -> tuple[Side, ...]:
        """The sides that are nudged."""
        return ("input", "output") if self.side == "both" else (self.side,)

    def check(self, base: Base) -> None:
        """Refuse texts without tokens and a direction without a target."""
        count = len(named_ids(base.tokenizer, self.text))
        if not 0 < count <= MAX_TOKENS:
            raise RecipeError(
                "The text to nudge has {count} tokens: choose a text of 1 to {limit} tokens.",
                count=count,
                limit=MAX_TOKENS,
            )
        if self.direction in NEEDS_TARGET and not named_ids(base.tokenizer, self.target):
            raise RecipeError(
                "The direction {direction} needs a target: give the word to move toward or away from.",
                direction=self.direction,
            )

    def apply(self, fork: Fork, work: Work = QUIET) -> Sequence[TensorChange]:
        """Patch the rows; in float32, stored in the model's dtype."""
        self.check(fork.base)
        ids = torch.tensor(named_ids(fork.base.tokenizer, self.text)).unique()
        target_ids = torch.tensor(named_ids(fork.base.tokenizer, self.target), dtype=torch.long)
        before = {side: fork.rows(side, ids) for side in self.sides()}
        targets = {side: fork.rows(side, target_ids) for side in self.sides()}
        changes = []
        for side in self.sides():
            target = targets[side].mean(0) if len(target_ids) else before[side].mean(0)
            new = DIRECTIONS[self.direction](before[side], target, self.strength, self.seed)
            if not float(new.abs().max()) <= MAX_WEIGHT:
                raise RecipeError("This nudge gives numbers too large to store: lower the strength.")
            fork.patch_rows(side, ids, new)
            name = fork.weight_name(side)
            moved = float((fork.rows(side, ids) - before[side]).norm())
            changes.append(TensorChange(name, moved))
        return changes

    def advice(self, base: Base) -> Sequence[Message]:
        """Several target tokens, and texts whose usual token is another one."""
        messages = [space_advice(base.tokenizer, self.text)]
        if self.direction in NEEDS_TARGET:
            count = len(named_ids(base.tokenizer, self.target))
            if count > 1:
                messages.append(
                    Message(
                        "The target “{target}” is {count} tokens: the nudge aims at their mean.",
                        {"target": self.target, "count": count},
                    )
                )
            messages.append(space_advice(base.tokenizer, self.target))
        return [message for message in messages if message]


def space_advice(tokenizer: PreTrainedTokenizerBase, text: str) -> Message | None:
    """Say so when a word without a leading space is not the token that a sentence uses."""
    if not text or not text[0].isalnum():
        return None
    bare, spaced = named_ids(tokenizer, text), named_ids(tokenizer, " " + text)
    if bare == spaced or len(spaced) > len(bare):
        return None
    return Message(
        "“{text}” is written without a leading space: that is how it stands at the very start "
        "of a text ({bare_count} token(s), {bare}). Inside a sentence it is “ {text}” "
        "({spaced_count} token(s), {spaced}), and that one stays as it was.",
        {
            "text": text,
            "bare": ", ".join(map(str, bare[:4])),
            "bare_count": len(bare),
            "spaced": ", ".join(map(str, spaced[:4])),
            "spaced_count": len(spaced),
        },
    )
