"""Every sentence that a visitor reads, in English and in Korean.

``label`` is for what gradio translates in the browser (labels, buttons, tabs); ``say`` and
``tell`` are for what handlers write, in the language that the browser sent along.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from playground.errors import Message
from playground.ui.text.en import TEXT as EN
from playground.ui.text.ko import MESSAGES as KO_MESSAGES
from playground.ui.text.ko import TEXT as KO

TABLES = {"en": EN, "ko": KO}
I18N = gr.I18n(en=EN, ko=KO)


def label(key: str) -> Any:
    """A text that the browser shows in its own language."""
    assert key in EN, key
    return I18N(key)


def say(language: str, key: str, /, **values: object) -> str:
    """A text in one language, filled."""
    return TABLES.get(language, EN)[key].format(**values)


def tell(language: str, message: Message) -> str:
    """A message of the engine or of retrieval in one language, with those that it is made of."""
    if language != "ko" or message.template not in KO_MESSAGES:
        return str(message)
    values = {
        name: tell(language, value) if isinstance(value, Message) else value
        for name, value in message.values.items()
    }
    return KO_MESSAGES[message.template].format(**values)
