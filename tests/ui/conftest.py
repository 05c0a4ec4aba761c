"""Handlers show every step of their progress here."""

from __future__ import annotations

import pytest

from playground.ui.shell import page


@pytest.fixture(autouse=True)
def every_step_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "SHOWN_EVERY", 0.0)
