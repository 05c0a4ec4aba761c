"""Several turns of a conversation as the exact text that a model gets."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from playground.engine.decoding.generate import STAND_IN, Prompt, prompt_text
from playground.errors import PlaygroundError


def conversation(tokenizer: PreTrainedTokenizerBase, turns: Sequence[tuple[str, str]]) -> Prompt:
    """The exact text of several turns, up to where the model answers the last one.

    What the system said stands before the first question where the template has no such turn.
    Control tokens steer in the template alone, not in what was said.

    :param turns: (role, text); roles alternate after a first one of the system.
    :raises PlaygroundError: the template refuses them, or there is none.
    """
    prompt_text(tokenizer, turns[-1][1], True)  # for what it refuses
    try:
        return _rendered(tokenizer, turns)
    except TemplateError:
        pass
    try:
        (role, system), *rest = turns
        if role == "system" and rest:
            (first, text), *others = rest
            return _rendered(tokenizer, [(first, f"{system}\n\n{text}"), *others])
        return _rendered(tokenizer, turns)
    except TemplateError as error:
        raise PlaygroundError(
            "This model's chat template does not take a conversation like this. Give single "
            "questions with their answers."
        ) from error


def _rendered(tokenizer: PreTrainedTokenizerBase, turns: Sequence[tuple[str, str]]) -> Prompt:
    """Turns in the chat template, with stand-ins that show where its own words are."""

    def render(texts: Sequence[str]) -> str:
        messages = [{"role": role, "content": text} for (role, _), text in zip(turns, texts, strict=True)]
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))

    texts = [text for _, text in turns]
    whole, pieces = render(texts), re.split(f"{STAND_IN}\\d+;", render(_stand_ins(len(texts))))
    for said in (texts, [text.strip() for text in texts]):  # some templates strip what is said
        prompt, spans = "", []
        for piece, text in zip(pieces, [*said, ""], strict=False):
            spans.append((len(prompt), len(prompt) + len(piece)))
            prompt += piece + text
        if prompt == whole and len(pieces) == len(texts) + 1:
            found = Prompt(whole)
            found.steering = tuple(spans)
            return found
    return Prompt(whole)  # a template that does more with a text: nothing steers then


def _stand_ins(count: int) -> list[str]:
    return [f"{STAND_IN}{number};" for number in range(count)]
