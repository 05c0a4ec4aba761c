"""Merging models: every method by its name in a recipe.

To add one, write a function of tensors under ``@merge_method`` in ``averages.py``, ``task_vectors.py``
or ``swaps.py``, one of whole models in ``whole.py``, or a file of its own that is imported here: in
the order of menus.
"""

from playground.engine.merging import averages, task_vectors  # noqa: I001
from playground.engine.merging import swaps, whole
from playground.engine.merging.method import METHODS, MOST, MergeError, MergeMethod

__all__ = ["METHODS", "MOST", "MergeError", "MergeMethod", "averages", "swaps", "task_vectors", "whole"]
