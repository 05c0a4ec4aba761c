"""How likely a model finds a text after a prompt: the one measure of a continuation.

Tokenizers may join a prompt's end with what follows; the border is found in the whole text, by the
letters that each token stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, isfinite

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from playground.engine.decoding.batches import answering
from playground.engine.decoding.generate import start_ids
from playground.engine.fork import Fork
from playground.engine.gate import GATE, piece
from playground.engine.models.float32_head import float32_logits
from playground.engine.models.loader import Base
from playground.engine.models.token_ids import parts, token_ids
from playground.engine.work import QUIET, Work
from playground.errors import Message, RecipeError

ROWS_AT_ONCE = 16
OPENING, CLOSING = "([{\"'“‘«-/", ".,;:!?)]}%"  # after and before which no space belongs


@dataclass(frozen=True)
class Line:
    """A text as tokens.

    :param ids: all of them, the target's last left out: nothing is predicted from it.
    :param start: place of the subject's first token.
    :param subject: place of its last token.
    :param target: the ids to be predicted, the first from ``ids[-len(target)]``; may be empty.
    """

    ids: tuple[int, ...]
    start: int
    subject: int
    target: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """How a model takes a prompt and what should follow it.

    :param loss: mean negative log probability of the target's tokens, in nats.
    :param probability: of the whole target, the product over its tokens.
    :param greedy: what decoding without chance writes, up to the first token that is another one:
        what would follow that was not computed.
    :param right: whether that is the target.
    """

    loss: float
    probability: float
    greedy: tuple[int, ...]
    right: bool

    @property
    def per_token(self) -> float:
        """The geometric mean over the target's tokens; 0 where the model's numbers are none."""
        return exp(-self.loss) if isfinite(self.loss) else 0.0


def continuation(prompt: str, target: str) -> str:
    """A target with the space that belongs between it and its prompt.

    One is put in unless the prompt ends in an opening mark or a line's end, or the target starts
    with a closing mark or brings a space. An empty target stays empty.
    """
    words = target.strip(" ")
    if not words or not prompt.strip():
        return words
    bare = prompt.rstrip(" ")
    if bare != prompt or target.startswith(" "):
        return f" {words}"
    joined = bare[-1].isspace() or bare[-1] in OPENING
    return words if joined or words[0].isspace() or words[0] in CLOSING else f" {words}"


def token_spans(base: Base, text: str) -> list[tuple[int, int, int]]:
    """For every token its id and which characters it stands for."""
    token_ids(base.tokenizer, text)  # which refuses half characters
    if not base.tokenizer.is_fast:
        raise RecipeError(
            "The tokenizer of this model does not say which letters a token stands for, so a "
            "subject cannot be found in it. Choose another model."
        )
    spans = []
    for start, end in parts(base.tokenizer, text):
        encoded = base.tokenizer(text[start:end], add_special_tokens=False, return_offsets_mapping=True)
        pairs = zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
        spans += [(token, start + a, start + b) for token, (a, b) in pairs]
    return spans


def started(base: Base, ids: Sequence[int], subject: Sequence[int], first: int) -> Line:
    """A line with what the model expects at the start; ``first`` is the target's first token."""
    ahead = start_ids(base.tokenizer, list(ids))
    whole, goal = (*ahead, *ids), tuple(ids[first:])
    return Line(whole[:-1] if goal else whole, subject[0] + len(ahead), subject[-1] + len(ahead), goal)


def target_line(base: Base, prompt: str, target: str) -> Line:
    """A prompt about no subject; the prompt's last token stands for one."""
    spans = token_spans(base, prompt + target)
    first = next((n for n, (_, _, end) in enumerate(spans) if end > len(prompt)), len(spans))
    return started(base, [token for token, _, _ in spans], [first - 1], first)


def answer_lines(base: Base, pairs: Sequence[tuple[str, str]]) -> list[Line]:
    """(prompt, answer) as lines; a space is put between where one belongs."""
    return [target_line(base, prompt.rstrip(" "), continuation(prompt, answer)) for prompt, answer in pairs]


def padded(rows: Sequence[Line]) -> Tensor:
    """(rows, tokens) ids, filled up on the right, where nothing before looks."""
    width = max(len(row.ids) for row in rows)
    return torch.tensor([[*row.ids, *[0] * (width - len(row.ids))] for row in rows])


def target_places(rows: Sequence[Line]) -> Tensor:
    """(rows, most targets) the tokens whose next ones count: a row without a target has its
    last, and what is missing repeats the last."""
    most = max(1, *(len(row.target) for row in rows))
    indices = []
    for row in rows:
        own = list(range(len(row.ids) - max(1, len(row.target)), len(row.ids)))
        indices.append(own + own[-1:] * (most - len(own)))
    return torch.tensor(indices)


@torch.inference_mode()
def line_logits(fork: Fork, lines: Sequence[Line]) -> Tensor:
    """(rows, most targets, vocab) float32 logits at the lines' ``target_places``, in one run."""
    GATE.note()
    with piece(answering), float32_logits():
        out = fork.model(input_ids=padded(lines), use_cache=False, logits_to_keep=target_places(lines))
    logits: Tensor = out.logits.float()
    return logits


def target_logs(logits: Tensor, target: Sequence[int]) -> Tensor:
    """(..., targets) log probabilities of a target's tokens.

    :param logits: (..., targets or more, vocab).
    """
    goal = torch.tensor(target)
    return logits[..., : len(goal), :].log_softmax(-1)[..., torch.arange(len(goal)), goal]


def target_losses(logits: Tensor, lines: Sequence[Line]) -> Tensor:
    """(rows,) mean negative log probability of each line's target, in nats."""
    return torch.stack(
        [
            F.cross_entropy(row[: len(line.target)], torch.tensor(line.target))
            for row, line in zip(logits, lines, strict=True)
        ]
    )


def _asking(done: int, of: int) -> Message:
    return Message("Asking: {done} of {of} prompts…", {"done": done, "of": of})


def likelihoods(
    fork: Fork, lines: Sequence[Line], work: Work = QUIET, what: Callable[[int, int], Message] = _asking
) -> list[Likelihood]:
    """How a model takes each line's target, many at once.

    :param what: tells that so many of so many lines are done.
    :raises Stopped: nobody waits for it any more.
    """
    order = sorted(range(len(lines)), key=lambda n: len(lines[n].ids))  # little to fill up
    rows: dict[int, Likelihood] = {}
    for start in range(0, len(order), ROWS_AT_ONCE):
        work.step(start, len(order), what(start, len(order)))
        part = order[start : start + ROWS_AT_ONCE]
        batch = [lines[n] for n in part]
        rows |= zip(part, map(_likelihood, batch, line_logits(fork, batch)), strict=True)
    return [rows[n] for n in range(len(lines))]


def _likelihood(line: Line, logits: Tensor) -> Likelihood:
    likeliest = logits[: len(line.target)].argmax(-1)
    wrong = (likeliest != torch.tensor(line.target)).nonzero()
    end = int(wrong[0]) + 1 if len(wrong) else len(likeliest)
    return Likelihood(
        loss=float(target_losses(logits[None], [line])),
        probability=float(target_logs(logits, line.target).sum().exp()),
        greedy=tuple(likeliest[:end].tolist()),
        right=not len(wrong),
    )
