"""One training run: batches in a seeded order, AdamW, a schedule, and what is seen on the way.

A run can be stopped after any step and goes on from there as if it had not been.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from playground.engine.adapters import Adapter
from playground.engine.adapters.edit import attach
from playground.engine.decoding.answering import answer_texts
from playground.engine.decoding.generate import prompt_text
from playground.engine.fork import Fork
from playground.engine.fork.side_layers import VirtualTokens
from playground.engine.measuring import measure
from playground.engine.seeded import seeded
from playground.engine.training.data import Encoded, Example, batch_of, encode, hold_out
from playground.engine.training.master_weights import Masters
from playground.engine.training.points import TrainingPoint
from playground.engine.training.prepare import prepare_training
from playground.engine.training.settings import TrainingSettings
from playground.engine.training.trainable import TrainingError
from playground.errors import PlaygroundError

CHECKS = 10  # how often in a run the held-out loss is taken and a sample written
SAMPLE_TOKENS = 40
HELD_MOST = 32  # held-out examples that a check reads
GENERAL_TOKENS = 512  # of the shipped text, for what is forgotten


@dataclass(kw_only=True)
class TrainingRun:
    """A run and its state. ``steps()`` goes on from wherever it is.

    :param watched: whether general text is read before and answers are written at checks, which
        takes longer than a short run itself.
    """

    fork: Fork
    settings: TrainingSettings
    examples: Sequence[Example]
    points: list[TrainingPoint] = field(default_factory=list)
    step: int = 0
    done: bool = False
    general_before: float = 0.0
    general_after: float | None = None
    watched: bool = True

    def __post_init__(self) -> None:
        settings = self.settings
        learn, held = hold_out(self.examples, settings.held_share, settings.seed)
        self.sample_prompt = (held or learn)[0].prompt
        self._learn = self._encoded(learn)
        if not self._learn:
            raise TrainingError(
                "Every prompt is longer than the length that is read, so nothing of a completion "
                "is left. Raise the length, or shorten the prompts."
            )
        self._held = self._encoded(held)[:HELD_MOST]
        self.total = settings.total_steps(len(learn))
        self.trainable = prepare_training(self.fork, settings)
        if settings.checkpointing:
            model: Any = self.trainable.model
            model.gradient_checkpointing_enable({"use_reentrant": False})
            model.enable_input_require_grads()
        self._masters = Masters(list(self.trainable.parameters.values()), settings.weight_decay)
        self._order = torch.Generator().manual_seed(settings.seed)
        self._places: list[int] = []
        self._noise: Tensor | None = None  # where dropout's random numbers are
        self._seconds = 0.0
        if self.watched:
            self.general_before = self._general(self.fork)

    def _encoded(self, examples: Sequence[Example]) -> list[Encoded]:
        s, base = self.settings, self.fork.base
        encoded = [encode(base, example, s.chat, s.prompt_weight, s.length) for example in examples]
        return [example for example in encoded if any(example.weights[1:])]

    def steps(self) -> Iterator[TrainingPoint]:
        """Train, a point after each step, until done; leave it anywhere to stop.

        :raises TrainingError: the loss is no longer a number.
        """
        checks = {round(self.total * (n + 1) / CHECKS) for n in range(CHECKS)} | {1}
        while not self.done:
            start = time.perf_counter()
            loss = self._one_step()
            self._seconds += time.perf_counter() - start
            self.step += 1
            if not math.isfinite(loss):
                self.done = True
                raise TrainingError(
                    "The loss is no longer a number: the learning rate is too high. Lower it, to "
                    "a tenth for a start. What was learned before step {step} is lost.",
                    step=self.step,
                )
            checking = self.step in checks
            point = TrainingPoint(
                step=self.step,
                loss=loss,
                rate=self._rate(self.step),
                seconds=self._seconds,
                held=self.held_loss() if checking else None,
                sample=self.sample() if checking and self.watched else None,
            )
            self.points.append(point)
            self.done = self.step >= self.total or self._no_better()
            yield point

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that it takes to go on from here, but for the points: tensors, and figures as JSON
        has them. The tensors are the run's own."""
        tensors = self._masters.state() | {"order": self._order.get_state()}
        if self._noise is not None:
            tensors["noise"] = self._noise
        figures = {
            "step": self.step,
            "places": self._places,
            "seconds": self._seconds,
            "general": self.general_before,
            "done": self.done,
        }
        return tensors, figures

    def restore(self, tensors: Mapping[str, Tensor], figures: Mapping[str, Any]) -> None:
        """Go on from a state of a run of the same fork, settings and examples.

        :raises KeyError, RuntimeError: it is another's; then this run is not usable.
        """
        self._masters.restore(tensors)
        self._order.set_state(tensors["order"].clone())
        self._noise = tensors["noise"].clone() if "noise" in tensors else None
        self.step, self._seconds = int(figures["step"]), float(figures["seconds"])
        self.done = bool(figures["done"])
        self._places = [int(index) for index in figures["places"]]
        self.general_before = float(figures["general"])

    def adapter(self) -> Adapter:
        """What has been learned so far."""
        return self.trainable.adapter()

    def variant(self) -> Fork:
        """The fork that the run started from, with what has been learned on it."""
        fork = self.fork.clone()
        attach(fork, self.adapter(), 1.0, False)
        fork.settle()
        return fork

    def finish(self) -> Adapter:
        """The adapter, once the loss on general text is taken again."""
        self.general_after = self._general(self.variant())
        return self.adapter()

    def held_loss(self) -> float | None:
        """Mean loss over the held-out examples' counted tokens, None where there are none."""
        if not self._held:
            return None
        self.trainable.model.eval()
        total = count = 0.0
        with torch.no_grad():
            for at in range(0, len(self._held), self.settings.batch):
                loss, weight = self._loss(self._held[at : at + self.settings.batch])
                total, count = total + float(loss), count + weight
        return total / count

    def sample(self) -> str:
        """What the model answers to one prompt by now."""
        text = prompt_text(self.fork.base.tokenizer, self.sample_prompt, self.settings.chat)
        try:
            return answer_texts(self.variant(), [text], SAMPLE_TOKENS)[0]
        except PlaygroundError:  # too long to answer; what is learned is cut to its length
            return ""

    # Inside

    def _one_step(self) -> float:
        """One optimizer step over ``accumulate`` batches; its mean loss."""
        batches = [self._next_batch() for _ in range(self.settings.accumulate)]
        count = sum(sum(row.weights[1:]) for batch in batches for row in batch)
        self.trainable.model.train()
        total = 0.0
        start: int | Tensor = self.settings.seed if self._noise is None else self._noise
        with torch.inference_mode(False), torch.enable_grad():
            for batch in batches:
                with seeded(start):
                    loss, _ = self._loss(batch)
                    (loss / count).backward()
                    total += float(loss.detach())
                    self._noise = start = torch.get_rng_state()
        usable = self._masters.update(self._rate(self.step + 1))
        return total / count if usable else math.nan

    def _next_batch(self) -> list[Encoded]:
        """The next examples of a seeded order, a new one for each pass over the data."""
        batch: list[Encoded] = []
        while len(batch) < min(self.settings.batch, len(self._learn)):
            if not self._places:
                self._places = torch.randperm(len(self._learn), generator=self._order).tolist()
            batch.append(self._learn[self._places.pop()])
        return batch

    def _loss(self, batch: Sequence[Encoded]) -> tuple[Tensor, float]:
        """Sum of weight times loss over a batch's tokens, and the sum of the weights.

        Logits are computed only for places whose next token counts in some row.
        """
        ids, mask, weights = batch_of(batch, 0)
        weights = weights[:, 1:]
        places = (weights > 0).any(0).nonzero().flatten()
        virtual = getattr(self.trainable.model, VirtualTokens.NAME, None)
        if virtual is not None:  # the recipe's; they go through the weights that learn
            virtual.work_out(self.trainable.model)
        out = self.trainable.model(
            input_ids=ids, attention_mask=mask, use_cache=False, logits_to_keep=places + self.trainable.before
        )
        logits: Tensor = out.logits
        targets, counted = ids[:, 1:][:, places], weights[:, places]
        rows = counted > 0
        losses = F.cross_entropy(logits[rows].float(), targets[rows], reduction="none")
        return (losses * counted[rows]).sum(), float(counted.sum())

    def _rate(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        s = self.settings
        warm = round(s.warmup * self.total)
        if step <= warm:
            return s.rate * step / warm
        left = (self.total - step + 1) / (self.total - warm + 1)  # from nearly 1 to nearly 0
        if s.schedule == "linear":
            return s.rate * left
        if s.schedule == "cosine":
            return s.rate * 0.5 * (1 + math.cos(math.pi * (1 - left)))
        return s.rate

    def _no_better(self) -> bool:
        """Whether the held-out loss has not fallen for as many checks as patience allows."""
        held = [point.held for point in self.points if point.held is not None]
        patience = self.settings.patience
        return 0 < patience < len(held) and min(held[-patience:]) >= min(held[:-patience])

    def _general(self, fork: Fork) -> float:
        """Perplexity of the start of the shipped text, which no training data is about."""
        ids = fork.base.tokenizer(measure.shipped_text(), add_special_tokens=False)["input_ids"]
        text = str(fork.base.tokenizer.decode(ids[:GENERAL_TOKENS]))
        return measure.perplexity(fork, text).perplexity
