"""The chapters of the guide: in which group each stands, and where one can try what it tells."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playground.retrieval.corpus import load_collection

GUIDES = {"en": "guide", "ko": "guide-ko"}
# Of both languages' files; a chapter that is in no group is found in the last one.
CHAPTER_GROUPS: dict[str, tuple[str, ...]] = {
    "start": ("start-here", "first-steps", "choosing", "measured"),
    "model": ("anatomy", "smollm2", "tokens", "embeddings", "tokens-and-embeddings"),
    "weights": ("pruning", "number-formats", "quantization", "few-levels", "fact-editing", "merging", "task-vectors"),
    "training": (
        "fine-tuning",
        "lora",
        "lora-relatives",
        "light-methods",
        "small-additions",
        "hyperparameters",
        "training-memory",
        "running-memory",
        "memory",
    ),
    "retrieval": (
        "retrieval",
        "retrieval-augmented",
        "word-search",
        "bm25",
        "meaning-search",
        "dense-and-hybrid",
        "judging-search",
        "measuring-search",
        "judging-models",
    ),
}
# The addresses of the tabs on which a group's chapters can be tried, and of chapters that have another
TRIED = {"start": "ask", "model": "change/tokens", "weights": "change/weights", "training": "change/adapters"}
TRIED |= {"retrieval": "documents", "fact-editing": "change/lab", "merging": "change/merge"}
TRIED |= {"task-vectors": "change/merge", "judging-models": "compare"}


@dataclass(frozen=True)
class Chapter:
    """A chapter; ``text`` has its headings one level down, since the page has its own."""

    name: str
    group: str
    title: str
    text: str

    @property
    def tried(self) -> str:
        """The address of the tab on which it can be tried."""
        return TRIED.get(self.name) or TRIED[self.group]

    @property
    def opening(self) -> str:
        """Its title and its first section, above its pictures."""
        return self.text[: self._cut].rstrip()

    @property
    def rest(self) -> str:
        """What stands below its pictures."""
        return self.text[self._cut :]

    @property
    def _cut(self) -> int:
        """Where its second section begins."""
        sections = [heading.start() for heading in re.finditer(r"^### ", self.text, re.MULTILINE)]
        return sections[1] if len(sections) > 1 else len(self.text)

    @property
    def minutes(self) -> int:
        """To read it: 200 words a minute."""
        return max(1, round(len(self.text.split()) / 200))


def chapters(language: str) -> list[Chapter]:
    """The chapters in their order."""
    texts = {
        document.name.removesuffix(".md"): re.sub(r"^#", "##", document.text, flags=re.MULTILINE)
        for document in load_collection(GUIDES.get(language, "guide")).documents
    }
    groups = {name: group for group, names in CHAPTER_GROUPS.items() for name in names}
    order = list(groups)
    last = list(CHAPTER_GROUPS)[-1]
    names = sorted(texts, key=lambda name: (order.index(name) if name in groups else len(order), name))
    return [
        Chapter(name, groups.get(name, last), texts[name].partition("\n")[0].lstrip("# ").strip(), texts[name])
        for name in names
    ]
