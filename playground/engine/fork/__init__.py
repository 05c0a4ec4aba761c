"""A variant of a model: a module tree that shares what no edit has replaced."""

from playground.engine.fork.fork import TREE_BYTES, Fork, Format, TensorChange, relative_change
from playground.engine.fork.module_tree import Side

__all__ = ["TREE_BYTES", "Fork", "Format", "Side", "TensorChange", "relative_change"]
