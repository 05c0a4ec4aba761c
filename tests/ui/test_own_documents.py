"""A visitor's collections, and the passages in them: what the page does with them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import gradio as gr
import pytest

from playground.errors import CorpusError
from playground.retrieval.chunking.cutting import Cutting
from playground.retrieval.chunking.markdown import Cut
from playground.retrieval.corpus import load_corpus
from playground.retrieval.own import uploads
from playground.retrieval.own.stored import Collection, Stored, to_json
from playground.settings import settings
from playground.ui.documents import own as own_panel
from playground.ui.documents import passages as passages_panel
from playground.ui.documents import tab as documents_tab
from playground.ui.guide import chapters as guide_chapters
from playground.ui.guide import tab as guide_tab
from playground.ui.layout import PAGES
from playground.ui.parts import passages_html
from playground.ui.parts import shelf as shelf_parts
from playground.ui.parts.corpus_menu import OWN
from playground.ui.text import EN, KO

TEXT = "# Lamp\n\nThe lamp is red. It was lit in 1887.\n\n## Keeper\n\nThe keeper is <Oda>.\n"
SHIPPED = "lantern-handbook-ko"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYGROUND_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def own() -> str:
    return uploads.add_documents([("lamp.md", TEXT.encode()), ("b.txt", b"Other.")]).id


def split(own, chosen, text, cursor):
    stands = {"own": own, "language": "en", "document": "lamp.md", "page": 1}
    passages_panel.split_here(stands | {"chosen": chosen, "text": text, "cursor": cursor})


def add_own(own, shelf, language, files, encoding=""):
    stands = {"own": own, "shelf": shelf, "language": language, "files": files, "encoding": encoding}
    return own_panel.add_own(stands)


def texts(own: str) -> list[str]:
    return [passage.text for passage in load_corpus(own).passages]


# Collections


def test_a_collection_that_was_saved_comes_back_as_a_new_one(own, tmp_path):
    own_panel.rename_own(own, [own], "en", "  My   lamps ")
    uploads.change(own, lambda one: Collection(one.documents, one.title, Cutting("sentences", 1)))
    file = tmp_path / "documents.json"
    file.write_text(own_panel.save_own(own, "en"), encoding="utf-8")
    again, shelf, line, which, title, choice, _ = add_own("", [own], "en", [str(file)])
    assert again != own
    assert shelf == [own, again]
    assert title == "My lamps"
    assert which["choices"] == [("My lamps", own), ("My lamps", again)]
    assert choice == OWN
    assert texts(again) == texts(own) == ["The lamp is red.", "It was lit in 1887.", "The keeper is <Oda>.", "Other."]
    assert EN["own_there"].split("{")[0] in line


def test_documents_and_a_saved_collection_may_come_together(own, tmp_path):
    saved, note = tmp_path / "documents.json", tmp_path / "c.txt"
    saved.write_text(own_panel.save_own(own, "en"), encoding="utf-8")
    note.write_text("A note.")
    used, shelf, *_ = add_own(own, [own], "en", [str(note), str(saved)])
    assert len(shelf) == 2
    assert used == shelf[-1] != own
    assert "A note." in texts(own)
    assert "A note." not in texts(used)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"documents": []}', "{" * 9_000])
def test_what_is_no_saved_collection_is_refused(tmp_path, text):
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(gr.Error, match=r"x\.json is not a collection that was saved here"):
        add_own("", [], "en", [str(file)])


def test_beside_usable_files_a_damaged_collection_is_left_out_and_listed(tmp_path):
    saved, note = tmp_path / "documents.json", tmp_path / "c.txt"
    saved.write_text("{}")
    note.write_text("A note.")
    used, shelf, line, *_ = add_own("", [], "en", [str(note), str(saved)])
    assert texts(used) == ["A note."]
    assert shelf == [used]
    assert "documents.json is not a collection that was saved here" in line


def test_no_collection_is_forgotten_for_another(own, monkeypatch, tmp_path):
    monkeypatch.setattr(shelf_parts, "MOST_OWN", 1)
    with pytest.raises(gr.Error, match="You have 1 collections"):
        own_panel.copy_corpus("", [own], "en", SHIPPED)
    with pytest.raises(gr.Error, match="Delete one first"):
        own_panel.new_own(own, [own], "en")
    file = tmp_path / "c.txt"
    file.write_text("More.")
    assert add_own(own, [own], "en", [str(file)])[0] == own
    file.write_text("More.")
    with pytest.raises(gr.Error, match="Delete one first"):
        add_own("", [own], "en", [str(file)])


def test_a_copy_brings_its_questions_to_the_menu():
    used, *_ = own_panel.copy_corpus("", [], "en", SHIPPED)
    own_menu = documents_tab.sample_questions(used, "en", OWN)
    assert own_menu["choices"] == documents_tab.sample_questions("", "en", SHIPPED)["choices"]
    assert documents_tab.sample_questions("", "en", OWN)["choices"] == []


def test_a_corpus_too_large_to_copy_offers_no_copy():
    assert see("", choice="countries").copy["visible"] is False


def test_the_next_files_after_starting_anew_make_another_collection(own, tmp_path):
    used, shelf, line, which, title = own_panel.new_own(own, [], "ko")
    assert (used, shelf) == ("", [own])  # which an older visit did not keep
    assert KO["own_begun"] in line
    assert which["value"] is None
    assert title == ""
    file = tmp_path / "c.txt"
    file.write_text("New.")
    used, shelf, *_ = add_own("", [own], "en", [str(file)])
    assert texts(used) == ["New."]
    assert shelf == [own, used]


def test_another_collection_can_be_chosen_and_only_what_is_there(own):
    other = uploads.add_documents([("c.txt", b"Third.")]).id
    used, shelf, line, which, *_ = own_panel.choose_own(own, [other], "en", other)
    assert (used, shelf) == (other, [own, other])
    assert "c.txt" in line
    assert which["value"] == other
    with pytest.raises(gr.Error, match="unknown"):
        own_panel.choose_own(own, [own], "en", "own-../x")
    gone = "own-" + "0" * 32
    with pytest.raises(gr.Error, match="no longer here"):
        own_panel.choose_own(own, [own], "en", gone)
    _, which, _ = own_panel.show_own(gone, [own, gone, 5, None, "x"], "en")
    assert which["choices"] == [("lamp.md +1", own)]


def test_deleting_takes_one_collection_and_leaves_the_others(own):
    other = uploads.add_documents([("c.txt", b"Third.")]).id
    used, shelf, *_ = own_panel.forget_own(own, [own, other], "en")
    assert (used, shelf) == ("", [other])
    with pytest.raises(CorpusError):
        load_corpus(own)


def test_a_name_that_is_too_long_is_refused_and_one_that_is_html_is_kept_as_text(own):
    with pytest.raises(gr.Error, match="A name of 81 characters"):
        own_panel.rename_own(own, [own], "en", "x" * 81)
    _, which, _ = own_panel.rename_own(own, [own], "en", "<b>")
    assert which["choices"] == [("<b>", own)]
    with pytest.raises(gr.Error, match="no documents in use"):
        own_panel.rename_own("", [], "en", "x")


def test_a_shipped_corpus_can_be_copied_with_its_questions():
    used, shelf, *_ = own_panel.copy_corpus("", [], "en", SHIPPED)
    copy, shipped = load_corpus(used), load_corpus(SHIPPED)
    assert [p.indexed for p in copy.passages] == [p.indexed for p in shipped.passages]
    assert copy.questions == shipped.questions
    assert copy.own
    assert shelf == [used]
    with pytest.raises(gr.Error, match="your own documents already"):
        own_panel.copy_corpus(used, [], "en", OWN)


# Passages


def see(own: str, document: str | None = None, page: float = 1, choice: str = OWN):
    names = ("document", "page", "view", "editor", "cutting", "copy", "chosen")
    values = passages_panel.show_passages(own, "en", choice, document, page)
    return SimpleNamespace(**dict(zip(names, values, strict=True)))


def press(own: str, passage: str):
    return passages_panel.choose(own, "en", SimpleNamespace(passage=passage))


def test_a_document_is_shown_with_its_borders_and_what_stands_between(own):
    seen = see(own)
    assert seen.document["choices"] == ["lamp.md", "b.txt"]
    assert seen.document["value"] == "lamp.md"
    assert seen.view.count('data-do="passage"') == 2
    assert "# Lamp" in seen.view
    assert "The keeper is &lt;Oda&gt;." in seen.view
    assert seen.cutting["visible"] is True
    assert seen.copy["visible"] is False
    assert see(own, "b.txt").view.count("data-do") == 1
    assert see(own, "gone.txt").document["value"] == "lamp.md"


def test_shipped_passages_can_be_seen_and_not_pressed():
    seen = see("", choice=SHIPPED)
    assert 'class="pg-cut"' in seen.view
    assert "data-do" not in seen.view
    assert seen.cutting["visible"] is False
    assert seen.copy["visible"] is True


def test_without_documents_of_ones_own_it_says_so():
    seen = see("")
    assert EN["own_none"] in seen.view
    assert seen.document["choices"] == []


def test_a_long_document_has_pages():
    text = "\n\n".join(f"# {n}\n\nword {n}" for n in range(95))
    own = uploads.add_documents([("a.md", text.encode())]).id
    first, last = see(own), see(own, page=99)
    assert (first.page["visible"], first.page["maximum"]) == (True, 3)
    assert first.view.count("data-do") == passages_panel.PAGE
    assert last.page["value"] == 3
    assert last.view.count("data-do") == 95 - 2 * passages_panel.PAGE
    assert "word 94" in last.view
    assert EN["passages_count"].format(count=95) in last.view


def test_a_pressed_passage_is_changed_split_dropped_and_brought_back(own):
    chosen, box, editor = press(own, "lamp.md#1")
    assert box["value"] == "The lamp is red. It was lit in 1887."
    assert editor["visible"] is True
    passages_panel.save_collection(own, "en", "lamp.md", 1, chosen, "The lamp is blue. It was lit in 1887.")
    assert texts(own)[0] == "The lamp is blue. It was lit in 1887."
    split(own, chosen, texts(own)[0], 17.0)
    assert texts(own)[:2] == ["The lamp is blue.", "It was lit in 1887."]
    passages_panel.drop_it(own, "en", "lamp.md", 1, "lamp.md#2")
    assert texts(own) == ["The lamp is blue.", "The keeper is <Oda>.", "Other."]
    assert "It was lit in 1887." in see(own).view  # the document keeps it
    passages_panel.undo_change(own, "en", "lamp.md", 1)
    assert texts(own)[1] == "It was lit in 1887."
    passages_panel.undo_change(own, "en", "lamp.md", 1)
    assert texts(own)[1] == "The keeper is <Oda>."


@pytest.mark.parametrize("passage", ["", "lamp.md", "lamp.md#0", "lamp.md#9", "x#1", "#", "²#²"])
def test_a_passage_that_is_not_there_is_a_message(own, passage):
    with pytest.raises(gr.Error, match="no passage"):
        press(own, passage)
    with pytest.raises(gr.Error, match="no passage"):
        passages_panel.drop_it(own, "en", "lamp.md", 1, passage)


def test_a_split_at_an_end_and_an_empty_passage_are_refused(own):
    before = texts(own)
    for at in (0, 99):
        with pytest.raises(gr.Error, match="Put the cursor"):
            split(own, "lamp.md#1", before[0], at)
    with pytest.raises(gr.Error, match="without words"):
        passages_panel.save_collection(own, "en", "lamp.md", 1, "lamp.md#1", " \n")
    assert texts(own) == before


def test_documents_are_cut_anew_and_the_controls_have_the_ways_bounds(own):
    passages_panel.cut_documents(own, "en", "lamp.md", "sentences", 2.0, 1.0)
    assert texts(own) == ["The lamp is red. It was lit in 1887.", "The keeper is <Oda>.", "Other."]
    passages_panel.cut_documents(own, "en", "lamp.md", "sentences", 1.0, 0.0)
    assert texts(own)[:2] == ["The lamp is red.", "It was lit in 1887."]
    with pytest.raises(gr.Error, match="A size of 99 is out of range"):
        passages_panel.cut_documents(own, "en", "lamp.md", "sentences", 99, 0)
    size, overlap = passages_panel.show_sizes("en", "sentences")
    assert (size["minimum"], size["maximum"]) == (1, 20)
    assert overlap["visible"] is True
    _, overlap = passages_panel.show_sizes("en", "headings")
    assert overlap["visible"] is False


@pytest.mark.parametrize("count", [39, 40, 41])
def test_what_follows_the_last_passage_is_on_the_last_page(count):
    text = "".join(f"# {n}\n\nword {n}\n\n" for n in range(count)) + "######"
    own = uploads.add_documents([("a.md", text.encode())]).id
    assert "######" in see(own, page=99).view


def test_what_a_passage_repeats_is_marked():
    stored = Stored("a.txt", "", "one two three", (Cut("", 0, 7), Cut("", 4, 13)))
    found = passages_html.passage_pieces(Collection((stored,)), "a.txt")
    assert [(piece.text, piece.repeated) for piece in found] == [("one two", 0), ("two three", 3)]
    html = passages_html.document_html(found, 0, 9, False, "en")
    assert '<span class="pg-again">two</span> three' in html


def test_a_changed_passage_keeps_its_borders_when_saved(own):
    passages_panel.drop_it(own, "en", "lamp.md", 1, "lamp.md#1")
    data = json.loads(to_json(uploads.read_collection(own)))
    assert data["documents"][0]["cuts"] == [["Lamp > Keeper", TEXT.index("The keeper"), TEXT.index("<Oda>.") + 6]]


# The guide


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_guide_opens_at_its_first_chapter_and_has_them_all(language):
    name, listed, text, _, rest, around = guide_tab.show_guide(language, "")
    found = guide_chapters.chapters(language)
    documents = {passage.document for passage in load_corpus(guide_chapters.GUIDES[language]).passages}
    assert {f"{chapter.name}.md" for chapter in found} == documents
    assert (name, f"{text}\n\n{rest}") == (found[0].name, found[0].text)
    assert text.startswith("## ")  # the page has a first heading of its own
    assert listed.count("aria-current") == 1
    assert all(f'data-chapter="{chapter.name}"' in listed for chapter in found)
    assert f'data-chapter="{found[1].name}"' in around
    last = guide_tab.open_chapter(language, SimpleNamespace(chapter=found[-1].name))
    assert last[2] == found[-1].opening != text
    assert f'data-chapter="{found[-2].name}"' in last[5]


def test_a_chapters_own_place_to_try_it_is_a_tab_of_the_page():
    places = {name for name, parts in PAGES.items() if len(parts) == 1}
    places |= {f"{name}/{tab.id}" for name, parts in PAGES.items() for tab in parts if len(parts) > 1}
    assert set(guide_chapters.TRIED.values()) <= places
    assert all(chapter.tried for language in ("en", "ko") for chapter in guide_chapters.chapters(language))


def test_how_a_file_was_read_is_told_and_can_be_changed(tmp_path, home):
    page = tmp_path / "a.txt"
    for language, told in (("en", "choose another encoding"), ("ko", "다른 인코딩")):
        page.write_bytes("Größe und naïve Größe".encode("cp1252"))
        own, _, line, *_ = add_own("", [], language, [str(page)])
        assert "Windows-1252" in line
        assert told in line
    page.write_bytes("ПРИВЕТ".encode("koi8_r"))
    again, _, line, *_ = add_own(own, [own], "en", [str(page)], "koi8_r")
    assert again == own
    assert [p.text for p in load_corpus(own).passages] == ["ПРИВЕТ"]
    page.write_bytes(b'a,b\n1,2\n3,"x\n')
    page = page.rename(tmp_path / "b.csv")
    _, _, line, *_ = add_own(own, [own], "ko", [str(page)], "no such encoding")
    assert "b.csv: 1개 줄에서 따옴표가" in line


def test_a_collection_keeps_the_first_row_of_a_table_with_its_pieces(tmp_path, home):
    rows = "\n".join(f"| Place {n} | {n} metres and more words |" for n in range(20))
    page = tmp_path / "a.md"
    page.write_text(f"| Place | Metres |\n|---|---|\n{rows}")
    own, *_ = add_own("", [], "en", [str(page)])
    found = load_corpus(own).passages
    assert len(found) > 2
    assert all(p.indexed.startswith("| Place | Metres |\n") for p in found)
