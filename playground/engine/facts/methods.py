"""Writing facts into a model: ROME, MEMIT, AlphaEdit and bounded fine-tuning, on a float32 copy.

The pure updates are in update.py, the search for values in values.py, fine-tuning in tuning.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from playground.engine.decoding.continuation import Line
from playground.engine.facts import update
from playground.engine.facts.facts import Fact
from playground.engine.facts.float32_fork import changed
from playground.engine.facts.keys import second_moments, subject_states
from playground.engine.facts.lines import about_line, fact_line, plain_line, prefixes
from playground.engine.facts.target_values import Search, search_values
from playground.engine.facts.update import Thin
from playground.engine.fork import Fork
from playground.engine.fork.structure import Matrix
from playground.engine.work import Work

DAMPING = 1e-2  # of a second moment's mean diagonal, added to it before it is inverted
MEMIT_WEIGHT = 0.05  # lambda for each input: what ordinary text counts against the facts
NULL_SHARE = 0.02  # of the sum of eigenvalues: what AlphaEdit counts as hardly there
RIDGE = 0.05  # of AlphaEdit's, in mean squared lengths of what is left of a key
AT_ONCE = 8  # facts whose values are searched for together


@dataclass(frozen=True)
class Plan:
    """What is common to all methods.

    :param matrices: to be changed, the first layer's first.
    """

    matrices: Sequence[Matrix]
    search: Search
    seed: int


def prompts(own: Fork, facts: Sequence[Fact], seed: int) -> list[list[Line]]:
    """Each fact's prompts, the bare one first, and at last the text about its subject.

    None of them has its subject as the first token: see ``plain_line``.
    """
    before = prefixes(seed)[1:]
    return [
        [
            plain_line(own.base, fact),
            *(fact_line(own.base, prefix, fact) for prefix in before),
            about_line(own.base, fact.subject),
        ]
        for fact in facts
    ]


def rome(own: Fork, facts: Sequence[Fact], plan: Plan, work: Work) -> dict[Matrix, Thin]:
    """Facts one after another, each a change of rank one of the same matrix.

    Meng et al. 2022 in the form of Gupta et al. 2024 (r-ROME): the key is the mean over the
    prefixes wherever one stands.
    """
    [matrix] = plan.matrices
    moment = update.damped(second_moments(own, [matrix], work).of[matrix.name], DAMPING)
    total: Thin | None = None
    for done, group in enumerate(prompts(own, facts, plan.seed)):
        now = own if total is None else changed(own, {matrix: total})
        [added] = search_values(now, matrix, [group], plan.search, work, (done, len(facts)))
        [key] = subject_states(now, matrix, [group[:-1]])[0]
        weight = matrix.oriented(now.tensor(matrix.name))
        value = weight.double() @ key.double() + added
        total = update.rank_one(weight, key, value, moment).over(total)
    assert total is not None
    return {matrix: total}


def spread(own: Fork, facts: Sequence[Fact], plan: Plan, work: Work, null_space: bool) -> dict[Matrix, Thin]:
    """Facts all at once over several layers: MEMIT (Meng et al. 2023), AlphaEdit (Fang et al.
    2025).

    The values are found at the last layer; each layer, in order, makes up for its part of what is
    still missing there: the whole divided by the layers left.
    """
    last, groups = plan.matrices[-1], prompts(own, facts, plan.seed)
    moments = second_moments(own, plan.matrices, work).of
    added = []
    for start in range(0, len(groups), AT_ONCE):
        part = groups[start : start + AT_ONCE]
        added.append(search_values(own, last, part, plan.search, work, (start, len(groups))))
    bare = [group[:-1] for group in groups]
    wanted = subject_states(own, last, bare)[1] + torch.cat(added)
    changes: dict[Matrix, Thin] = {}
    for index, matrix in enumerate(plan.matrices):
        now = changed(own, changes)
        missing = wanted - subject_states(now, last, bare)[1]
        keys = subject_states(now, matrix, bare)[0]
        residuals = missing.T / (len(plan.matrices) - index)
        changes[matrix] = _solved(residuals, keys.T, moments[matrix.name], null_space)
    return changes


def _solved(residuals: Tensor, keys: Tensor, moment: Tensor, null_space: bool) -> Thin:
    if not null_space:
        weight = MEMIT_WEIGHT * len(moment)  # k^T C^-1 k is the number of inputs on average
        return update.memit(residuals, keys, update.damped(moment, DAMPING), weight)
    projector = update.null_projector(moment, NULL_SHARE)
    left = (projector @ keys.double()).square().sum(0).mean()
    return update.alphaedit(residuals, keys, projector, max(float(RIDGE * left), 1e-12))
