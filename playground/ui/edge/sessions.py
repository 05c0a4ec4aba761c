"""Sessions that cost what they hold.

For a new session gradio copies the description of every component (0.1 s, 1.1 MB) and keeps the
last value of each, for links that reopen a page in its state. This page has no such links and
draws no component later on, so that a session shares the page's components until it changes one.
"""

from __future__ import annotations

from collections import ChainMap
from copy import copy
from typing import Any

from gradio.blocks import BlocksConfig
from gradio.components import State
from gradio.state_holder import SessionState, StateHolder

SESSION_BYTES = 1_000_000  # of one that used every tab, generously: a new one holds under 1 kB
SHARE = 0.03  # of the memory budget, for sessions


def capacity(memory_bytes: int) -> int:
    """How many sessions are kept: the one used least recently goes first."""
    return max(100, min(4000, int(memory_bytes * SHARE / SESSION_BYTES)))


class _Values(dict[int, Any]):
    """Takes every component's description and value, and keeps none."""

    def __setitem__(self, key: int, value: Any) -> None:
        pass


class Session(SessionState):
    """A session that holds its states, and the components that it changed."""

    def __init__(self, config: BlocksConfig) -> None:
        self.blocks_config = copy(config)
        self.blocks_config.blocks = ChainMap({}, config.blocks)  # type: ignore[assignment]
        self.blocks_config.fns = config.fns
        self.config_values = _Values()
        self.state_data = {}
        self._state_ttl = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = 3600

    def _update_config(self, key: int) -> None:
        """Describe a component again: for links only."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Keep a component's value: for links only."""

    def __setitem__(self, key: int, value: Any) -> None:
        block = self.blocks_config.blocks.get(key)
        if isinstance(block, State):
            super().__setitem__(key, value)
        elif block is not value:
            self.blocks_config.blocks[key] = value


class Sessions(StateHolder):
    """gradio's keeper of sessions, with cheap ones."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = Session(self.blocks.default_config)
        return super().__getitem__(session_id)
