"""Wilson's interval against worked values, and what can be told apart."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from playground.lab.intervals import apart, holm, mcnemar, wilson


@pytest.mark.parametrize(
    ("right", "of", "low", "high"),
    [  # the first three from Newcombe 1998, table I, method 3; the others solved by hand
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (1, 1, 0.2065, 1.0),
        (3, 3, 0.4385, 1.0),
        (5, 10, 0.2366, 0.7634),
    ],
)
def test_wilsons_interval_is_that_of_the_worked_cases(right, of, low, high):
    assert wilson(right, of) == pytest.approx((low, high), abs=5e-5)
    mirrored = wilson(of - right, of)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx(wilson(right, of))


def test_its_ends_solve_the_equation_that_it_comes_from():
    for right, of in ((1, 3), (7, 12), (40, 60), (59, 60)):
        share = right / of
        for end in wilson(right, of):  # |share - p| = z * sqrt(p (1 - p) / n)
            assert abs(share - end) == pytest.approx(1.959964 * (end * (1 - end) / of) ** 0.5)


def test_nothing_asked_tells_nothing_and_intervals_that_touch_are_not_apart():
    assert wilson(0, 0) == (0.0, 1.0)
    assert not apart(wilson(1, 1), wilson(0, 1))
    assert not apart(wilson(3, 3), wilson(0, 3))
    assert apart(wilson(4, 4), wilson(0, 4)) is (wilson(4, 4)[0] > wilson(0, 4)[1])
    assert apart(wilson(58, 60), wilson(40, 60))
    assert not apart((0.1, 0.5), (0.5, 0.9))


@pytest.mark.parametrize(
    ("more", "fewer", "both"), [(0, 0, 3), (1, 0, 0), (9, 1, 5), (4, 4, 2), (0, 12, 1), (30, 14, 9)]
)
def test_mcnemar_is_the_binomial_test_of_what_differs(more, fewer, both):
    first = [True] * more + [False] * fewer + [True] * both
    other = [False] * more + [True] * fewer + [True] * both
    wanted = binomtest(more, more + fewer).pvalue if more + fewer else 1.0
    assert mcnemar(first, other) == pytest.approx(wanted)
    assert mcnemar(other, first) == pytest.approx(wanted)


def test_holm_is_that_of_the_worked_case():
    # four chances: 0.01 x 4, 0.02 x 3, 0.03 x 2, 0.04 x 1, none below the one before it
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []
