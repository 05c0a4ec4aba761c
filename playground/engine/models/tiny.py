"""Tiny GPT-2, built here from its published shape where no Hub can be reached.

sshleifer/tiny-gpt2 has 2 layers of width 2 with 2 heads, 1,024 positions and GPT-2's 50,257
tokens. The weights are seeded noise, which is all that the published ones are good for too:
the model shows mechanics, not language.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.engine.seeded import seeded

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel

SEED = 20_240_101


def build_tiny_gpt2(bos: int | None, eos: int | None) -> GPT2LMHeadModel:
    """Tiny GPT-2 with seeded random weights.

    :param bos: the tokenizer's id of the first token of a text.
    :param eos: the tokenizer's id of the last token of a text.
    """
    from transformers import GPT2Config, GPT2LMHeadModel  # two seconds that few visitors need

    config = GPT2Config(
        n_layer=2,
        n_embd=2,
        n_head=2,
        n_positions=1024,
        vocab_size=50_257,
        bos_token_id=bos,
        eos_token_id=eos,
        pad_token_id=eos,
    )
    with seeded(SEED):
        return GPT2LMHeadModel(config).eval()
