"""A text as the ids of its tokens."""

from __future__ import annotations

from transformers import PreTrainedTokenizerBase

from playground.errors import PlaygroundError


def token_ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """The ids of a text as it is written, with no special tokens added."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PlaygroundError(
            "The text has half a character in it (an unpaired surrogate). Type it again."
        ) from error
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
