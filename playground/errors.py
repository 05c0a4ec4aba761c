"""What a visitor is told when something cannot be done.

A message is an English template with named values, so that the page can show it in the
visitor's language (``playground/ui/text/ko/messages.py`` holds the Korean of every template) while a
script reads plain English. It says what was given, what is allowed and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Message:
    """A sentence for a visitor: an English template and the values that fill it."""

    template: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.template.format(**self.values)


class PlaygroundError(Exception):
    """Something a visitor asked for cannot be done; ``message`` says why and what to change.

    :param template: an English sentence with ``{named}`` places.
    :param values: what fills the places.
    """

    def __init__(self, template: str, /, **values: object) -> None:
        self.message = Message(template, values)
        super().__init__(str(self.message))


class RecipeError(PlaygroundError):
    """A recipe, or one edit in it, is not usable as written."""


class MissingError(PlaygroundError):
    """What is asked for is not on this host now; it may be again."""


class ModelError(PlaygroundError):
    """A base model is unknown, missing, damaged or of the wrong kind."""


class CorpusError(PlaygroundError):
    """A corpus, a document or a query is not usable as given."""
