"""The handbooks' questions: answers contained in the output, and recall of both retrievers."""

from playground import compare
from playground.engine.build import build
from playground.engine.decoding import generate
from playground.engine.decoding.generate import Sampling
from playground.engine.recipe import Recipe
from playground.retrieval.answers import answer_contained
from playground.retrieval.corpus import load_corpus
from playground.retrieval.evaluate import measure

BASE = Recipe(model="smollm2-135m-instruct")
AT_ONCE = 8
NEW_TOKENS = 48
WAYS = (("none", 1), ("bm25", 1), ("bm25", 2), ("bm25", 4), ("dense", 1), ("dense", 2), ("dense", 4))


def texts(corpus, questions, retriever, k):
    """The answers, eight questions to a batch (a row's answer does not depend on its company)."""
    built, sampling = build(BASE), Sampling(NEW_TOKENS)
    contestant = compare.Contestant(label="", recipe=BASE, retriever=retriever, corpus_id=corpus.id, k=k)
    found = []
    for start in range(0, len(questions), AT_ONCE):
        batch = [
            compare._prepared(contestant, built, question.question, sampling, True)
            for question in questions[start : start + AT_ONCE]
        ]
        for _ in compare._decoding(built, batch, sampling, lambda: False):
            pass
        found += [answer.text for answer in batch]
    return found


def shares(corpus, retriever, k):
    """Share right by kind of question, and over all that have an answer."""
    questions = [q for q in corpus.questions if q.kind != "unanswerable"]
    pairs = zip(questions, texts(corpus, questions, retriever, k), strict=True)
    right = [(q.kind, answer_contained(q.answer, text)) for q, text in pairs]
    kinds = {kind: [ok for k, ok in right if k == kind] for kind in ("keyword", "paraphrase")}
    return {kind: sum(oks) / len(oks) for kind, oks in kinds.items()} | {"all": sum(ok for _, ok in right) / len(right)}


def main():
    assert generate.MAX_NEW_TOKENS >= NEW_TOKENS
    corpus = load_corpus("lantern-handbook")
    print(f"{len(corpus.questions)} questions, {len(corpus.passages)} passages, English\n")
    print("| way | keyword | paraphrase | all answerable |\n|---|---|---|---|")
    for retriever, k in WAYS:
        found = shares(corpus, retriever, k)
        name = "base" if retriever == "none" else f"{retriever}, k={k}"
        cells = " | ".join(f"{found[kind]:.0%}" for kind in ("keyword", "paraphrase", "all"))
        print(f"| {name} | {cells} |", flush=True)
    print("\n| corpus | retriever | kind | recall@1 | recall@5 | MRR |\n|---|---|---|---|---|---|")
    for name in ("lantern-handbook", "lantern-handbook-ko"):
        for retriever in ("bm25", "dense"):
            for kind in (None, "keyword", "paraphrase"):
                report = measure(load_corpus(name), retriever, kind=kind)
                print(
                    f"| {name} | {retriever} | {kind or 'all'} | {report.recall[1]:.0%} "
                    f"| {report.recall[5]:.0%} | {report.mrr:.2f} |",
                    flush=True,
                )
