"""Fusing rankings and making one diverse, against the papers' formulas by hand and in loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.retrieval.fusion import FUSIONS, diversified, reciprocal_ranks, weighted_fusion

FIRST = [(7, 9.0), (3, 5.0), (1, 1.0)]
SECOND = [(3, 0.9), (8, 0.4)]


def test_reciprocal_ranks_by_hand():
    found = reciprocal_ranks([FIRST, SECOND], [1, 1])
    assert found == [
        (3, pytest.approx(1 / 62 + 1 / 61)),
        (7, pytest.approx(1 / 61)),
        (8, pytest.approx(1 / 62)),
        (1, pytest.approx(1 / 63)),
    ]


def test_weighted_sum_by_hand():
    found = weighted_fusion([FIRST, SECOND], [0.25, 0.75])
    assert found == [(3, pytest.approx(0.25 * 0.5 + 0.75)), (7, pytest.approx(0.25)), (1, 0), (8, 0)]
    assert weighted_fusion([[(4, 2.0)]], [1]) == [(4, 1.0)]  # one alone has no span


@pytest.mark.parametrize("fuse", [reciprocal_ranks, weighted_fusion])
def test_a_weight_of_0_leaves_a_ranking_out_and_nothing_gives_nothing(fuse):
    assert [place for place, _ in fuse([FIRST, SECOND], [1, 0])] == [7, 3, 1]
    assert [place for place, _ in fuse([FIRST, SECOND], [0, 1])] == [3, 8]
    assert fuse([[], []], [1, 1]) == []
    assert [place for place, _ in fuse([FIRST, []], [1, 1])] == [7, 3, 1]


@given(st.lists(st.permutations(range(6)), min_size=1, max_size=4))
def test_ranks_of_any_number_of_rankings_add_up(orders):
    rankings = [[(place, 1.0) for place in order] for order in orders]
    truth = {p: sum(1 / (61 + order.index(p)) for order in orders) for p in range(6)}
    assert dict(reciprocal_ranks(rankings, [1] * len(orders))) == pytest.approx(truth)


def marginal(hits, vectors, k, diversity):
    """Carbonell and Goldstein's greedy choice, in loops."""
    low, high = min(s for _, s in hits), max(s for _, s in hits)
    relevance = [(s - low) / (high - low) if high > low else 1.0 for _, s in hits]
    chosen = [max(range(len(hits)), key=lambda n: relevance[n])]
    while len(chosen) < min(k, len(hits)):
        rest = [n for n in range(len(hits)) if n not in chosen]
        gains = {
            n: (1 - diversity) * relevance[n] - diversity * max(float(np.dot(vectors[n], vectors[m])) for m in chosen)
            for n in rest
        }
        chosen.append(max(rest, key=lambda n: gains[n]))
    return [hits[n] for n in chosen]


@pytest.mark.parametrize("diversity", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("k", [1, 4, 50])
def test_diversity_is_maximal_marginal_relevance(diversity, k):
    draws = np.random.default_rng(0)
    vectors = draws.standard_normal((12, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    hits = sorted(((n, float(draws.random())) for n in range(12)), key=lambda hit: -hit[1])
    assert diversified(hits, vectors, k, diversity) == marginal(hits, vectors, k, diversity)


def test_no_diversity_keeps_the_order_and_some_puts_a_copy_last():
    vectors = np.array([[1.0, 0], [1.0, 0], [0, 1.0]])
    hits = [(5, 3.0), (6, 2.9), (7, 2.0)]
    assert diversified(hits, vectors, 3, 0.0) == hits
    assert [place for place, _ in diversified(hits, vectors, 3, 0.6)] == [5, 7, 6]
    assert diversified([], np.zeros((0, 2)), 3, 0.5) == []
    even = [(5, 1.0), (6, 1.0), (7, 1.0)]  # nothing but likeness decides
    assert [place for place, _ in diversified(even, vectors, 2, 0.5)] == [5, 7]


def test_equal_scores_keep_the_order_of_the_corpus():
    for fuse in FUSIONS.values():
        assert [position for position, _ in fuse([[(5, 9.0)], [(2, 1.0)]], [0.5, 0.5])] == [2, 5]
