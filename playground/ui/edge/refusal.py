"""What the edge answers instead of gradio: a status and a sentence, in the visitor's language."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from starlette.datastructures import Headers
from starlette.types import Send

from playground.ui.text import say


class Refused(Exception):  # noqa: N818  # an answer, not a fault of ours
    """A request that goes no further.

    :param status: of HTTP.
    :param key: of the page's texts.
    """

    def __init__(self, status: int, key: str, **values: object) -> None:
        super().__init__(key)
        self.status, self.key, self.values = status, key, values

    def text(self, language: str) -> str:
        """The sentence for the visitor."""
        return say(language, self.key, **self.values)


def spoken(headers: Headers, data: object = None) -> str:
    """The language to answer in.

    The page's events carry the language that their visitor chose among their values, ``ko`` as a
    value of its own; other requests have the browser's.
    """
    if isinstance(data, Sequence) and any(value in ("en", "ko") for value in data[:64]):
        return "ko" if "ko" in data[:64] else "en"
    return "ko" if headers.get("accept-language", "").lower().startswith("ko") else "en"


async def answer(send: Send, refused: Refused, language: str, plain: bool = False) -> None:
    """Send a refusal as gradio's own page and clients read it.

    :param plain: as text, which the page shows of an upload that failed; else as JSON.
    """
    text = refused.text(language)
    body = text.encode() if plain else orjson.dumps({"detail": text, "error": text})
    kind = b"text/plain; charset=utf-8" if plain else b"application/json"
    head = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),  # the rest of its body is not waited for
    ]
    await send({"type": "http.response.start", "status": refused.status, "headers": head})
    await send({"type": "http.response.body", "body": body})
