"""Menus of adapters, with the visitor's own among them."""

from __future__ import annotations

from typing import Any

from playground.engine.adapters import store
from playground.ui.parts.steps import adapter_title
from playground.ui.text import say

MOST_OWN = 40  # adapters of one visitor


def own_ids(mine: Any) -> list[str]:
    """The visitor's own adapters that are still on this host, from what the browser kept."""
    ids = [str(source) for source in mine[-MOST_OWN:]] if isinstance(mine, list) else []
    return [source for source in dict.fromkeys(ids) if store.is_own_adapter(source) and store.about(source)]


def adapter_choices(mine: Any, language: str) -> list[tuple[str, str]]:
    """What can be attached: the shipped ones, then one's own."""
    own = [(adapter_title(source, language), source) for source in own_ids(mine)]
    return [
        *((adapter_title(name, language), name) for name in store.shipped()),
        *((say(language, "adapter_own", title=title, id=source[:6]), source) for title, source in own),
    ]
