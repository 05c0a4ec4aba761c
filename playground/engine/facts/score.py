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

from playground.engine.decoding.continuation import answer_lines, likelihoods
from playground.engine.facts.facts import Fact
from playground.engine.fork import Fork
from playground.engine.work import QUIET, Work


@dataclass(frozen=True, kw_only=True)
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
        rewrite = data["requested_rewrite"]
        old = rewrite["target_true"]["str"]
        return Case(
            subject=rewrite["subject"],
            prompt=rewrite["prompt"].format(rewrite["subject"]),
            new=rewrite["target_new"]["str"],
            old=old,
            paraphrases=tuple(data.get("paraphrase_prompts", ())),
            neighbours=tuple((prompt, old) for prompt in data.get("neighborhood_prompts", ())),
        )
    old = data["ground_truth"]
    other, its = data.get("locality_prompt"), data.get("locality_ground_truth", old)
    again = data.get("rephrase_prompt")
    return Case(
        subject=data["subject"],
        prompt=data["prompt"],
        new=data["target_new"],
        old=old,
        paraphrases=(again,) if again else (),
        neighbours=((other, its),) if other else (),
    )


def score(fork: Fork, cases: Sequence[Case], work: Work = QUIET) -> Score:
    """Ask everything about some cases, many prompts at once.

    :raises Stopped: nobody waits for it any more.
    """
    efficacy = [(case.prompt, case.new, case.old) for case in cases]
    paraphrase = [(again, case.new, case.old) for case in cases for again in case.paraphrases]
    neighbourhood = [(other, its, case.new) for case in cases for other, its in case.neighbours]
    prompts = [*efficacy, *paraphrase, *neighbourhood]
    pairs = [(prompt, answer) for prompt, *answers in prompts for answer in answers]
    nats = [one.loss for one in likelihoods(fork, answer_lines(fork.base, pairs), work)]
    scores, start = [], 0
    for part in (efficacy, paraphrase, neighbourhood):
        scores.append(_figure(nats[start : start + 2 * len(part)]))
        start += 2 * len(part)
    return Score(*scores)


def _figure(nats: Sequence[float]) -> Figure:
    """From the losses of the answer that should be likelier and the other one, in turn."""
    wanted, other = torch.tensor(nats[::2]), torch.tensor(nats[1::2])
    if not len(wanted):
        return Figure(0.0, 0.0, 0)
    share = float((wanted < other).float().mean())
    return Figure(share, float((-wanted).exp().mean()), len(wanted))
