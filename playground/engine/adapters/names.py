"""Choices that edits and pages offer, apart from the code that imports PEFT."""

from typing import Literal

MixMethod = Literal["linear", "cat", "svd", "ties", "dare_linear", "dare_ties", "magnitude_prune"]
WITH_DENSITY = ("ties", "dare_linear", "dare_ties", "magnitude_prune")
