"""Merging models: every method by its name in a recipe.

To add one, write a function of tensors in ``averages.py`` or ``task_vectors.py`` and a line in
``METHODS``. The methods that do not work tensor by tensor are in ``whole.py``.
"""

from __future__ import annotations

from typing import Literal

from playground.engine.merging import averages, task_vectors
from playground.engine.merging.given import Given, MergeError, Method

MethodName = Literal[
    "linear", "slerp", "nuslerp", "karcher", "model_stock", "task_arithmetic", "ties",
    "dare_linear", "dare_ties", "della", "breadcrumbs", "sce", "passthrough", "concat", "ensemble",
]  # fmt: skip
MOST = 8  # models in a merge

METHODS: dict[str, Method] = {
    "linear": Method(
        averages.linear, (1, MOST), ("weight", "normalize"), True, False, "Wortsman et al. 2022"
    ),
    "slerp": Method(averages.slerp, (1, 1), (), True, True, "Shoemake 1985"),
    "nuslerp": Method(averages.nuslerp, (2, 2), ("weight",), True, False, "Shoemake 1985"),
    "karcher": Method(averages.karcher, (1, MOST), ("weight",), True, False, "Karcher 1977"),
    "model_stock": Method(averages.model_stock, (2, MOST), (), True, True, "Jang et al. 2024"),
    "task_arithmetic": Method(
        task_vectors.task_arithmetic, (1, MOST), ("weight", "normalize"), False, True,
        "Ilharco et al. 2023", task_vectors.everything,
    ),
    "ties": Method(
        task_vectors.ties, (1, MOST), ("weight", "density", "normalize"), True, True,
        "Yadav et al. 2023", task_vectors.largest,
    ),
    "dare_linear": Method(
        task_vectors.dare_linear, (1, MOST), ("weight", "density", "normalize"), False, True,
        "Yu et al. 2024", task_vectors.at_random,
    ),
    "dare_ties": Method(
        task_vectors.dare_ties, (1, MOST), ("weight", "density", "normalize"), True, True,
        "Yu et al. 2024", task_vectors.at_random,
    ),
    "della": Method(
        task_vectors.della, (1, MOST), ("weight", "density", "epsilon", "normalize"), True, True,
        "Deep et al. 2024", task_vectors.by_rank,
    ),
    "breadcrumbs": Method(
        task_vectors.breadcrumbs, (1, MOST), ("weight", "density", "gamma", "normalize"), False,
        True, "Davari and Belilovsky 2024", task_vectors.middle,
    ),
    "sce": Method(
        task_vectors.sce, (1, MOST), ("select",), True, True, "Wan et al. 2024",
        task_vectors.everything,
    ),
}  # fmt: skip

__all__ = ["METHODS", "MOST", "Given", "MergeError", "Method", "MethodName"]
