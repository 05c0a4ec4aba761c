"""Scripts that several panels hand to the browser."""

from __future__ import annotations

import json


def save_file(name: str, kind: str = "application/json") -> str:
    """A script that saves a text as a file of the visitor's.

    :param name: of the file.
    :param kind: its media type.
    """
    return f"""(text) => {{
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {{type: {json.dumps(kind)}}}));
  link.download = {json.dumps(name)};
  link.click();
  URL.revokeObjectURL(link.href);
}}"""
