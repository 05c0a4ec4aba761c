"""Scripts that several panels hand to the browser."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr


def saves(event: Any, text: gr.Component, name: str, kind: str = "application/json") -> Any:
    """Save a text as a file of the visitor's at an event; gives the event of having done so.

    :param text: the part that holds it.
    :param name: of the file.
    :param kind: its media type.
    """
    script = f"""(text) => {{
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {{type: {json.dumps(kind)}}}));
  link.download = {json.dumps(name)};
  link.click();
  URL.revokeObjectURL(link.href);
}}"""
    return event(None, text, None, js=script, api_visibility="private")
