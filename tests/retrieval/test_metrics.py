"""Measures of a ranking, against scikit-learn and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from playground.retrieval.metrics import ndcg, recall, reciprocal_rank


@pytest.mark.parametrize(
    ("ranks", "k", "expected"), [((), 5, 0), ((None,), 5, 0), ((1,), 1, 1), ((2,), 1, 0), ((2, None, 1, 7), 2, 0.5)]
)
def test_recall_by_hand(ranks, k, expected):
    assert recall(ranks, k) == expected


@pytest.mark.parametrize(("ranks", "expected"), [((), 0), ((None,), 0), ((4, None, 2), 0.5), ((1, 1), 1)])
def test_reciprocal_rank_by_hand(ranks, expected):
    assert reciprocal_rank(ranks) == expected


def test_ndcg_by_hand():
    assert ndcg((), ()) == 0
    assert ndcg((None,), (1,)) == 0
    assert ndcg((1,), (1,)) == 1
    assert ndcg((3,), (1,)) == pytest.approx(1 / 2)  # 1 / log2(4)
    assert ndcg((2, 1), (3, 1)) == pytest.approx((3 / math.log2(3) + 1) / (3 + 1 / math.log2(3)))
    assert ndcg((11,), (1,)) == 0  # beyond the cut
    assert ndcg((11,), (1,), k=11) > 0


@given(st.lists(st.integers(0, 3), min_size=2, max_size=30), st.integers(1, 12), st.randoms())
def test_ndcg_is_scikit_learns(gains, k, random):
    if not any(gains):
        return
    order = list(range(len(gains)))
    random.shuffle(order)  # order[n] is the document at rank n + 1
    scores = np.zeros(len(gains))
    scores[order] = np.arange(len(gains), 0, -1)
    truth = ndcg_score([gains], [scores], k=k)
    relevant = [n for n, gain in enumerate(gains) if gain]
    ranks = [order.index(n) + 1 for n in relevant]
    assert ndcg(ranks, [gains[n] for n in relevant], k) == pytest.approx(truth)
