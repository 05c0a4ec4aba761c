"""Merging models: every method by its name in a recipe.

To add one, write a function of tensors in ``averages.py``, ``task_vectors.py`` or ``swaps.py`` and
a line in ``METHODS``. The methods that do not work tensor by tensor are in ``whole.py``.
"""

from __future__ import annotations

from typing import Literal

from playground.engine.merging import averages, swaps, task_vectors
from playground.engine.merging.given import Given, MergeError, Method, Uses

MethodName = Literal[
    "linear",
    "slerp",
    "nuslerp",
    "multislerp",
    "karcher",
    "model_stock",
    "task_arithmetic",
    "ties",
    "dare_linear",
    "dare_ties",
    "della",
    "della_linear",
    "breadcrumbs",
    "breadcrumbs_ties",
    "sce",
    "nearswap",
    "arcee_fusion",
    "passthrough",
    "concat",
    "ensemble",
]
MOST = 8  # models in a merge
THINNED: tuple[Uses, ...] = ("weight", "density", "normalize", "rescale")

METHODS: dict[str, Method] = {
    "linear": Method(averages.linear, (1, MOST), ("weight", "normalize"), True, False, "Wortsman et al. 2022"),
    "slerp": Method(averages.slerp, (1, 1), (), True, True, "Shoemake 1985"),
    "nuslerp": Method(averages.nuslerp, (2, 2), ("weight",), True, False, "Shoemake 1985"),
    "multislerp": Method(
        averages.multislerp, (1, MOST), ("weight", "normalize", "around_base"), True, False, "Goddard 2025"
    ),
    "karcher": Method(averages.karcher, (1, MOST), ("weight",), True, False, "Karcher 1977"),
    "model_stock": Method(averages.model_stock, (2, MOST), (), True, True, "Jang et al. 2024"),
    "task_arithmetic": Method(
        task_vectors.task_arithmetic,
        (1, MOST),
        ("weight", "normalize"),
        False,
        True,
        "Ilharco et al. 2023",
        task_vectors.everything,
    ),
    "ties": Method(
        task_vectors.ties, (1, MOST), THINNED, True, True, "Yadav et al. 2023", task_vectors.largest, by_place=True
    ),
    "dare_linear": Method(
        task_vectors.dare_linear,
        (1, MOST),
        THINNED,
        False,
        True,
        "Yu et al. 2024",
        task_vectors.at_random,
        rescale=True,
    ),
    "dare_ties": Method(
        task_vectors.dare_ties,
        (1, MOST),
        THINNED,
        True,
        True,
        "Yu et al. 2024",
        task_vectors.at_random,
        by_place=True,
        rescale=True,
    ),
    "della": Method(
        task_vectors.della,
        (1, MOST),
        (*THINNED, "epsilon"),
        True,
        True,
        "Deep et al. 2024",
        task_vectors.by_rank,
        by_place=True,
        rescale=True,
    ),
    "della_linear": Method(
        task_vectors.della_linear,
        (1, MOST),
        (*THINNED, "epsilon"),
        False,
        True,
        "Deep et al. 2024",
        task_vectors.by_rank,
        rescale=True,
    ),
    "breadcrumbs": Method(
        task_vectors.breadcrumbs,
        (1, MOST),
        (*THINNED, "gamma"),
        False,
        True,
        "Davari and Belilovsky 2024",
        task_vectors.middle,
    ),
    "breadcrumbs_ties": Method(
        task_vectors.breadcrumbs_ties,
        (1, MOST),
        (*THINNED, "gamma"),
        False,
        True,
        "Davari and Belilovsky 2024",
        task_vectors.middle,
        by_place=True,
    ),
    "sce": Method(task_vectors.sce, (1, MOST), ("select",), True, True, "Wan et al. 2024", task_vectors.everything),
    "nearswap": Method(swaps.nearswap, (1, 1), ("near",), True, True, "alchemonaut 2024", partial=True),
    "arcee_fusion": Method(swaps.arcee_fusion, (1, 1), (), True, True, "Arcee AI 2024", partial=True),
}

__all__ = ["METHODS", "MOST", "Given", "MergeError", "Method", "MethodName"]
