"""A text as the ids of its tokens.

Words like ``<|im_end|>`` steer a chat model. What somebody writes is text: there they are letters
like any others, and only the template that a prompt is put into may steer.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from playground.checked import HALF_A_CHARACTER
from playground.errors import PlaygroundError

Span = tuple[int, int]  # [start, end) in a text


def token_ids(tokenizer: PreTrainedTokenizerBase, text: str, steering: Sequence[Span] = ()) -> list[int]:
    """The ids of a text, with no special tokens added.

    :param steering: where control tokens count as such; elsewhere they are split like any text.
    :raises PlaygroundError: the text has half a character in it.
    """
    return [token for start, end in parts(tokenizer, text, steering) for token in named_ids(tokenizer, text[start:end])]


def parts(tokenizer: PreTrainedTokenizerBase, text: str, steering: Sequence[Span] = ()) -> list[Span]:
    """Where a text is cut so that it spells no control token but where those may steer.

    :return: adjoining spans, one where there is nothing to cut.
    """
    cuts = [
        match.start() + 1
        for match in _control_pattern(tokenizer).finditer(text)
        if not any(start <= match.start() < end for start, end in steering)
    ]
    return list(itertools.pairwise([0, *cuts, len(text)]))


def named_ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """The ids of a text in which control tokens may be named, to look at their rows.

    :raises PlaygroundError: the text has half a character in it.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PlaygroundError(HALF_A_CHARACTER.template) from error
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def has_control(tokenizer: PreTrainedTokenizerBase, text: str) -> bool:
    """Whether a text spells a control token."""
    return _control_pattern(tokenizer).search(text) is not None


def _control_pattern(tokenizer: PreTrainedTokenizerBase) -> re.Pattern[str]:
    """Finds each control token, also where two overlap."""
    added = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    # One of a single character cannot be cut apart; none of the usual models has such a one.
    names = sorted(name for name in added | set(tokenizer.all_special_tokens) if len(name) > 1)
    return re.compile(f"(?=({'|'.join(map(re.escape, names))}))" if names else "(?!)")
