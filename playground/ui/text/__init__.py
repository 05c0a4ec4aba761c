"""Every sentence that a visitor reads, in English and in Korean.

``label`` is for what gradio translates in the browser (labels, buttons, tabs); ``say`` and
``tell`` are for what handlers write, in the language that the browser sent along.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import gradio as gr
from gradio.i18n import I18nData

from playground.errors import Message
from playground.ui.text import en, ko
from playground.ui.text.ko.messages import MESSAGES as KO_MESSAGES


def _all_texts(language: ModuleType) -> dict[str, str]:
    """The texts of all of a language's files: a new tab's are found without a word here."""
    texts: dict[str, str] = {}
    for file in iter_modules(language.__path__, f"{language.__name__}."):
        own = getattr(import_module(file.name), "TEXT", {})
        assert not texts.keys() & own.keys(), (file.name, texts.keys() & own.keys())
        texts |= own
    return texts


EN, KO = _all_texts(en), _all_texts(ko)
TABLES = {"en": EN, "ko": KO}
# What gradio tells screen readers and has no words for
GRADIO = {"en": {"common.complete": "Done"}, "ko": {"common.complete": "끝났습니다"}}
I18N = gr.I18n(en=EN | GRADIO["en"], ko=KO | GRADIO["ko"])


def label(key: str) -> Any:
    """A text that the browser shows in its own language."""
    assert key in EN, key
    return I18N(key)


def say(language: str, key: str, /, **values: object) -> str:
    """A text in one language, filled; a label among the values is said in it too."""
    texts = TABLES.get(language, EN)
    said = {name: texts[value.key] if isinstance(value, I18nData) else value for name, value in values.items()}
    return texts[key].format(**said)


def tell(language: str, message: Message) -> str:
    """A message of the engine or of retrieval in one language, with those that it is made of."""
    if language != "ko" or message.template not in KO_MESSAGES:
        return str(message)
    values = {
        name: tell(language, value) if isinstance(value, Message) else value for name, value in message.values.items()
    }
    return KO_MESSAGES[message.template].format(**values)
