"""Write ``corpora/countries``: its documents, its questions and its card."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

from corpora.countries.make import clocks, habits, languages, money
from corpora.countries.make.cldr import shared, territory
from corpora.countries.make.places import NOW, codes
from corpora.countries.make.words import Country, slug
from playground.retrieval.chunking.markdown import chunk, sentences
from playground.retrieval.corpus import CORPORA
from playground.retrieval.passages import Passage

FOLDER = CORPORA / "countries"
QUESTIONS = Path(__file__).with_name("questions.txt")
TITLE = "Countries: money, languages, clocks"


def document(of: Country) -> str:
    """All that is told of a country or territory, in Markdown."""
    parts = [money.sections, languages.sections, habits.sections, clocks.sections]
    sections = [section for part in parts for section in part(of)]
    return f"# {of.title}\n\n" + "\n\n".join(f"## {head}\n{text}" for head, text in sections) + "\n"


def documents(chosen: Iterable[str] | None = None) -> dict[str, str]:
    """Texts by file name.

    :param chosen: codes of ISO 3166; all that have something to tell by default.
    """
    countries = [territory(code) for code in (codes() if chosen is None else chosen)]
    return {f"{slug(of.title)}.md": document(of) for of in sorted(countries, key=lambda of: of.title)}


def questions(texts: Mapping[str, str]) -> list[dict[str, object]]:
    """The questions of ``questions.txt``, each with the sentence that answers it.

    A line there has the question, the answer, the document and the heading of the section with
    ``|`` between them; the question alone where the corpus has no answer. ``#`` begins a kind.

    :raises ValueError: a sentence that answers is missing, or stands in several passages.
    """
    passages = [passage for name, text in texts.items() for passage in chunk(name, text)]
    rows: list[dict[str, object]] = []
    kind = ""
    for line in QUESTIONS.read_text("utf-8").splitlines():
        if line.startswith("# "):
            kind = line[2:]
        elif line:
            question, *where = line.split(" | ")
            answer = where[0] if where else ""
            evidence = [_evidence(passages, *where)] if where else []
            rows.append(
                {"id": f"c-{len(rows) + 1:03d}", "question": question, "answer": answer}
                | {"evidence": evidence, "kind": kind}
            )
    return rows


def _evidence(passages: list[Passage], answer: str, stem: str, section: str) -> dict[str, str]:
    """The first sentence of a section that holds the answer."""
    name = f"{stem}.md"
    for one in passages:
        if one.document != name or not one.heading.endswith(f" > {section}"):
            continue
        for start, end in sentences(one.text, (0, len(one.text))):
            quote = one.text[start:end]
            if answer in quote and sum(quote in other.text for other in passages) == 1:
                return {"document": name, "quote": quote}
    raise ValueError(f"No sentence of its own in {stem}, {section!r}, has {answer!r}.")


def card(texts: Mapping[str, str], rows: list[dict[str, object]]) -> str:
    """What the corpus is and where it is from, with its counts."""
    from babel import localedata

    passages = [passage for name, text in texts.items() for passage in chunk(name, text)]
    lengths = [len(passage.text.split()) for passage in passages]
    kinds = Counter(row["kind"] for row in rows)
    licence = Path(localedata.__file__).parent / "locale-data" / "LICENSE.unicode"
    return CARD.format(
        title=TITLE,
        passages=len(passages),
        documents=len(texts),
        sections=len(passages),
        shortest=min(lengths),
        longest=max(lengths),
        questions=len(rows),
        now=NOW,
        cldr=shared("cldr")["version"],
        babel=version("babel"),
        tzdata=version("tzdata"),
        notice=licence.read_text("utf-8").strip(),
        keyword=kinds["keyword"],
        paraphrase=kinds["paraphrase"],
        unanswerable=kinds["unanswerable"],
    )


CARD = """---
title: {title}
language: en
license: Apache-2.0 AND Unicode-3.0
passages: {passages}
---

# {title}

## What it is

Short facts about the {documents} countries and territories of ISO 3166: money of today and of \
yesterday, languages, what a country is called in other languages, how prices and dates are \
written, the first day of the week; and of every place in the tz database where it lies, what its \
clocks show beside those of other places, how high its sun climbs, and years in which its clocks \
were set. It is large enough to make a search work, many passages look alike, and a question names \
few words of the one that answers it.

## Language and licence

English. The sentences were written for this project and are under its licence, Apache-2.0. The tz \
database is in the public domain. The facts from CLDR are under the Unicode licence, which stands \
at the end of this card.

## How it was made

`python -m corpora.countries.make` wrote all of it, this card included, from CLDR \
{cldr} (in babel {babel}) and from the tz database (in tzdata {tzdata}); the same releases give \
the same files. Nothing was copied but names. The sentences come from templates with several \
phrasings each. The questions were written by hand.

Currencies, languages, weeks, names and ways of writing are as CLDR lists them, less what is known \
to be unsure, disputed or out of date (`doubts.py` beside the script). What clocks show is as the \
tz database has it for {now}; years before 1970 are left out, since it is unsure of them. \
Distances are those on a round earth, and days last from the rise of the sun's upper edge to its \
setting, computed from the coordinates in the tz database. Neither source takes a side on who owns \
which ground, and neither does this corpus.

## What is in it

| Part | Count |
| --- | --- |
| Documents (`documents/*.md`) | {documents} |
| Sections, {shortest} to {longest} words each | {sections} |
| Questions (`questions.jsonl`) | {questions} |
| of which `keyword`: they share the document's words | {keyword} |
| of which `paraphrase`: asked in other words than the section's | {paraphrase} |
| of which `unanswerable`: the corpus does not say | {unanswerable} |

Each section makes one passage. Each line of `questions.jsonl` has an `id`, a `question`, a short \
`answer`, a list `evidence` and a `kind`. Each piece of evidence names a `document` and gives a \
`quote`, a sentence that stands word for word in one passage of the whole corpus and contains the \
answer. An unanswerable question has an empty answer and no evidence.

## The Unicode licence

```
{notice}
```
"""


def write(folder: Path = FOLDER) -> None:
    """Write the corpus into a folder, in the place of what was there."""
    texts = documents()
    rows = questions(texts)
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    for old in (folder / "documents").glob("*.md"):
        old.unlink()
    for name, text in texts.items():
        (folder / "documents" / name).write_text(text, "utf-8")
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    (folder / "questions.jsonl").write_text("".join(lines), "utf-8")
    (folder / "card.md").write_text(card(texts, rows), "utf-8")


if __name__ == "__main__":
    write()
