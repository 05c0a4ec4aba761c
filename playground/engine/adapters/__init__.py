"""Adapters: what changes a model in a few numbers. One file for each kind.

To add a kind, write its file with a ``KIND`` and name it in ``KINDS``.
"""

from __future__ import annotations

from playground.engine.adapters import bottleneck, changed_weights, ia3, lora, virtual_tokens
from playground.engine.adapters.base import Adapter, AdapterError, Kind, KindName

KINDS: dict[KindName, Kind] = {
    module.KIND.name: module.KIND for module in (lora, ia3, virtual_tokens, changed_weights, bottleneck)
}

__all__ = ["KINDS", "Adapter", "AdapterError", "Kind", "KindName"]
