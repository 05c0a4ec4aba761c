from __future__ import annotations

from playground.retrieval import indexes as files


def test_visitors_indexes_push_out_only_one_another(make_corpus):
    indexes: files.Indexes[str] = files.Indexes()
    built = []

    def get(corpus):
        return indexes.get(corpus, lambda: built.append(corpus.id) or corpus.id)

    shipped = make_corpus("0", id="shipped")
    own = [make_corpus(str(n), id=f"own {n}", own=True) for n in range(40)]
    assert get(shipped) == "shipped"
    for corpus in own:
        get(corpus)
    built.clear()
    for corpus in (shipped, *own[-8:]):
        get(corpus)
    assert built == []
    get(own[-9])
    assert built == [own[-9].id]


def test_the_same_documents_of_two_visitors_are_indexed_twice(make_corpus):
    """Else the time that a search takes would tell that somebody else has them."""
    built = []

    def get(corpus):
        return indexes.get(corpus, lambda: built.append(corpus.id) or corpus.id)

    indexes: files.Indexes[str] = files.Indexes()
    mine, theirs = (make_corpus("same", id=name, own=True) for name in ("own a", "own b"))
    assert mine.content_hash == theirs.content_hash
    assert [get(mine), get(theirs), get(mine)] == ["own a", "own b", "own a"]
    assert built == ["own a", "own b"]
