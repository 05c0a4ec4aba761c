"""How well facts were written: CounterFact's three questions, of any variant.

Meng et al. 2022: efficacy (is the new answer likelier than the old one after the prompt),
paraphrase (after other words for it), neighbourhood (is the old answer still likelier where it
should be, for other subjects). Answers are compared by their tokens' mean negative log
probability, as the authors' code does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from playground.engine.facts.facts import Fact, continuation
from playground.engine.facts.lines import Line, padded, places, target_line
from playground.engine.facts.values import fact_losses
from playground.engine.fork import Fork
from playground.engine.gate import GATE
from playground.engine.models.float32_head import float32_logits
from playground.engine.work import QUIET, Work
from playground.errors import Message

ROWS_AT_ONCE = 16


@dataclass(frozen=True)
class Case:
    """A counterfactual and what is asked about it.

    :param old: the answer before.
    :param paraphrases: prompts that ask the same.
    :param neighbours: prompts about other subjects, each with its answer, which must stay.
    """

    subject: str
    prompt: str
    new: str
    old: str
    paraphrases: tuple[str, ...] = ()
    neighbours: tuple[tuple[str, str], ...] = ()

    def fact(self) -> Fact:
        """What is to be taught."""
        return Fact(subject=self.subject, prompt=self.prompt, target=self.new)


@dataclass(frozen=True)
class Figure:
    """One question: how often the answer was as it should be, and how likely that answer was.

    :param share: of the prompts; 0 where there are none.
    :param probability: mean of the geometric mean of the answer's tokens.
    :param prompts: how many were asked.
    """

    share: float
    probability: float
    prompts: int


@dataclass(frozen=True)
class Score:
    """The three questions."""

    efficacy: Figure
    paraphrase: Figure
    neighbourhood: Figure


def case_of(data: Mapping[str, Any]) -> Case:
    """A case from CounterFact's JSON, the authors' own or EasyEdit's.

    :raises KeyError: a key of both is missing.
    """
    if "requested_rewrite" in data:
        asked = data["requested_rewrite"]
        old = asked["target_true"]["str"]
        return Case(
            asked["subject"],
            asked["prompt"].format(asked["subject"]),
            asked["target_new"]["str"],
            old,
            tuple(data.get("paraphrase_prompts", ())),
            tuple((prompt, old) for prompt in data.get("neighborhood_prompts", ())),
        )
    old = data["ground_truth"]
    other, its = data.get("locality_prompt"), data.get("locality_ground_truth", old)
    again = data.get("rephrase_prompt")
    return Case(
        data["subject"],
        data["prompt"],
        data["target_new"],
        old,
        (again,) if again else (),
        ((other, its),) if other else (),
    )


def score(fork: Fork, cases: Sequence[Case], work: Work = QUIET) -> Score:
    """Ask everything about some cases, many prompts at once.

    :raises Stopped: nobody waits for it any more.
    """
    efficacy = [(case.prompt, case.new, case.old) for case in cases]
    paraphrase = [(again, case.new, case.old) for case in cases for again in case.paraphrases]
    neighbourhood = [(other, its, case.new) for case in cases for other, its in case.neighbours]
    asked = [*efficacy, *paraphrase, *neighbourhood]
    pairs = [(prompt, answer) for prompt, *answers in asked for answer in answers]
    nats = losses(fork, pairs, work)
    found, start = [], 0
    for part in (efficacy, paraphrase, neighbourhood):
        found.append(_figure(nats[start : start + 2 * len(part)]))
        start += 2 * len(part)
    return Score(*found)


def _figure(nats: Sequence[float]) -> Figure:
    """From the losses of the answer that should be likelier and the other one, in turn."""
    wanted, other = torch.tensor(nats[::2]), torch.tensor(nats[1::2])
    if not len(wanted):
        return Figure(0.0, 0.0, 0)
    share = float((wanted < other).float().mean())
    return Figure(share, float((-wanted).exp().mean()), len(wanted))


def losses(fork: Fork, pairs: Sequence[tuple[str, str]], work: Work = QUIET) -> list[float]:
    """Mean negative log probability of each answer after its prompt, in nats a token.

    :param pairs: (prompt, answer); a space is put between where one belongs.
    """
    lines = [target_line(fork.base, prompt.rstrip(" "), continuation(prompt, answer)) for prompt, answer in pairs]
    order = sorted(range(len(lines)), key=lambda n: len(lines[n].ids))  # little to fill up
    found = [0.0] * len(lines)
    for start in range(0, len(order), ROWS_AT_ONCE):
        what = Message("Asking: {done} of {of} prompts…", {"done": start, "of": len(order)})
        work.step(start, len(order), what)
        part = order[start : start + ROWS_AT_ONCE]
        mine = [lines[n] for n in part]
        for place, loss in zip(part, fact_losses(line_logits(fork, mine), mine), strict=True):
            found[place] = float(loss)
    return found


@torch.inference_mode()
def line_logits(fork: Fork, lines: Sequence[Line]) -> Tensor:
    """(rows, most targets, vocab) float32 logits at the lines' ``places``, in one run."""
    GATE.note()
    with float32_logits():
        out = fork.model(input_ids=padded(lines), use_cache=False, logits_to_keep=places(lines))
    logits: Tensor = out.logits.float()
    return logits
