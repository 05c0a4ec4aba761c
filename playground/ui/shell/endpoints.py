"""The public endpoints of the page: playground.api's functions by their names."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from playground import api
from playground.caller import until
from playground.disk import refusal
from playground.errors import PlaygroundError
from playground.ui.shell.page import ANSWER, LOOK, MODEL, SEARCH

ENDPOINTS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "models": (api.models, LOOK),
    "corpora": (api.corpora, LOOK),
    "tokens": (api.tokens, LOOK),
    "apply": (api.apply, MODEL),
    "next_tokens": (api.next_tokens, MODEL),
    "generate": (api.generate_text, ANSWER),
    "perplexity": (api.perplexity, MODEL),
    "measure": (api.measured, MODEL),
    "retrieve": (api.retrieve, SEARCH),
    "evaluate": (api.evaluate, SEARCH),
    "index": (api.index, SEARCH),
    "compare": (api.compare, ANSWER),
    "teach": (api.teach, MODEL),
}


def add_endpoints() -> None:
    """Offer them to scripts; a refusal says there what it says on the page."""
    for name, (function, lane) in ENDPOINTS.items():
        gr.api(
            _told(function),
            api_name=name,
            api_description=function.__doc__,
            concurrency_id=lane["concurrency_id"],
            concurrency_limit=lane["concurrency_limit"],
        )


def _told(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            with until(_gone()):
                return function(*args, **kwargs)
        except Exception as error:
            told = error if isinstance(error, PlaygroundError) else refusal(error)
            if told is None:
                raise
            raise gr.Error(str(told), print_exception=False) from error

    return call


def _gone() -> Callable[[], bool]:
    """Whether the caller of this thread's event has left."""
    line = getattr(LocalContext.blocks.get(None), "line", None)
    event_id = LocalContext.event_id.get(None)
    return lambda: line is not None and line.gone(event_id)
