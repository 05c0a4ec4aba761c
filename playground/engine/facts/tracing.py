"""Causal tracing: which hidden states bring back an answer that noise has taken away.

Meng et al. 2022, section 2: noise on the embeddings of the subject's tokens spoils the answer;
then one hidden state at a time, of one token after one layer, is put back to what it was without
the noise, and the answer's probability says how much of it passes through there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from playground.engine.decoding.continuation import Line, continuation, target_logs
from playground.engine.decoding.generate import next_probabilities
from playground.engine.facts.float32_fork import float32_copy, starting
from playground.engine.facts.keys import outputs_of
from playground.engine.facts.lines import WORDS, line, sinks
from playground.engine.fork import Fork
from playground.engine.fork.module_tree import module_of
from playground.engine.fork.structure import layers
from playground.engine.work import QUIET, Work
from playground.errors import Message, RecipeError

NOISE = 3.0  # standard deviations of the embedding's numbers
SAMPLES, MOST_SAMPLES = 4, 16
MAX_TOKENS = 64
ROWS_AT_ONCE = 64


@dataclass(frozen=True, eq=False, kw_only=True)
class Traced:
    """What a trace found.

    :param tokens: the prompt's, as text.
    :param subject: places of the subject's tokens, the first and one after the last.
    :param answer: whose probability was followed.
    :param clean: its probability without noise.
    :param corrupted: its mean probability with noise and nothing put back.
    :param restored: (tokens, layers) its mean probability with the hidden state of that token after
        that layer put back.
    """

    tokens: tuple[str, ...]
    subject: tuple[int, int]
    answer: str
    clean: float
    corrupted: float
    restored: Tensor


def trace(
    fork: Fork, prompt: str, subject: str, answer: str = "", samples: int = SAMPLES, seed: int = 0, work: Work = QUIET
) -> Traced:
    """Follow an answer through a model. Computed in float32.

    :param answer: what continues the prompt; empty for the likeliest next token.
    :param samples: of noise, of which the mean is taken.
    :raises RecipeError: the subject is not in the prompt, or the prompt is too long.
    :raises Stopped: nobody waits for it any more.
    """
    if not 1 <= samples <= MOST_SAMPLES:
        raise RecipeError("Samples is {given}: choose 1 to {limit}.", given=samples, limit=MOST_SAMPLES)
    own = float32_copy(fork)
    sentence = _asked(own, prompt, subject, answer)
    depth, first = len(layers(own.model)[1]), sentence.start
    count = len(sentence.ids) - len(sentence.target) + 1
    noise = torch.zeros(1, len(sentence.ids), 1)
    clean, likely = _run(own, sentence, noise, 0)
    noise[:, first : sentence.subject + 1] = NOISE
    spoiled, unlikely = _run(own, sentence, noise.expand(samples, -1, -1), seed)
    corrupted = float(unlikely.mean())
    restored = torch.full((count, depth), corrupted)  # what stands before the noise is as it was
    places = torch.arange(first, count)
    for layer in range(depth):
        what = Message("Tracing: layer {n} of {of}…", {"n": layer + 1, "of": depth})
        work.step(layer, depth, what)
        mixed = spoiled[layer].repeat(len(places), 1, 1, 1)  # (places, samples, tokens, d_model)
        mixed[torch.arange(len(places)), :, places] = clean[layer][0, places][:, None]
        found = probabilities_after(own, sentence, layer, mixed.flatten(0, 1))
        restored[first:, layer] = found.view(len(places), samples).mean(1)
    decode = own.base.tokenizer.decode
    return Traced(
        tokens=tuple(str(decode([token])) for token in sentence.ids[:count]),
        subject=(first, sentence.subject + 1),
        answer=str(decode(list(sentence.target))),
        clean=float(likely[0]),
        corrupted=corrupted,
        restored=restored,
    )


def _asked(own: Fork, prompt: str, subject: str, answer: str) -> Line:
    """The line whose answer is followed: the one given, or the likeliest next token.

    A subject that would be the first token gets words before it.
    """
    bare = prompt.rstrip(" ")
    if not subject.strip() or subject not in bare:
        raise RecipeError(
            "The subject {subject!r} is not in the prompt {prompt!r}. Write it letter for letter as it stands there.",
            subject=subject[:60],
            prompt=prompt[:100],
        )
    sentence = line(own.base, "", bare, subject, continuation(prompt, answer))
    if sinks(sentence):  # where noise changes little, and putting back brings everything
        sentence = line(own.base, WORDS, bare, subject, continuation(prompt, answer))
    if len(sentence.ids) > MAX_TOKENS:
        raise RecipeError(
            "The prompt and the answer have {count} tokens: tracing takes {limit}. Shorten them.",
            count=len(sentence.ids),
            limit=MAX_TOKENS,
        )
    if sentence.target:
        return sentence
    likeliest = int(next_probabilities(own, sentence.ids).argmax())
    return replace(sentence, target=(likeliest,))


@torch.no_grad()
def _run(own: Fork, sentence: Line, noise: Tensor, seed: int) -> tuple[list[Tensor], Tensor]:
    """Every layer's answer, (samples, tokens, d_model), and the answer's probability.

    :param noise: (samples, tokens, 1) its size, in standard deviations of the embedding.
    """
    embedding: Any = module_of(own.model, "input")
    sigma = float(embedding.weight.std())
    generator = torch.Generator().manual_seed(seed)

    def add(module: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> Tensor:
        rows = embedding.weight[inputs[0]].norm()
        scaled = sigma * float(out.norm() / rows) if rows > 0 else sigma  # of Gemma's, by a factor
        return out + scaled * noise * torch.randn(out.shape, generator=generator)

    stack = layers(own.model)[1]
    watched: dict[str, nn.Module] = {str(n): layer for n, layer in enumerate(stack)}
    hook = embedding.register_forward_hook(add)
    try:
        with outputs_of(watched) as outs:
            likely = _probabilities(own, sentence, len(noise))
    finally:
        hook.remove()
    return [outs[str(n)] for n in range(len(stack))], likely


@torch.no_grad()
def probabilities_after(own: Fork, sentence: Line, layer: int, hidden: Tensor) -> Tensor:
    """(rows,) the answer's probability where a layer's answers are as given.

    :param hidden: (rows, tokens, d_model).
    """
    parts = [_probabilities(starting(own, layer + 1, part), sentence, len(part)) for part in hidden.split(ROWS_AT_ONCE)]
    return torch.cat(parts)


def _probabilities(own: Fork, sentence: Line, rows: int) -> Tensor:
    """(rows,) the product over the answer's tokens."""
    ids = torch.tensor(sentence.ids).expand(rows, -1)
    out = own.model(input_ids=ids, use_cache=False, logits_to_keep=len(sentence.target))
    return target_logs(out.logits.float(), sentence.target).sum(1).exp()
