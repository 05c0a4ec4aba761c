"""Each text is read in the letters that its writer wrote, or in those that the visitor chose."""

from __future__ import annotations

import io
import zipfile

import reading_samples as samples
from reading_samples import GOOD, only, refused, texts

from playground.alphabets import ENCODINGS, decoded, known, said_by
from playground.retrieval.reading.names import entry_name

# What people have, by the encoding that their program wrote it in
WRITTEN = {
    "cp1252": [
        "It doesn’t matter. We can’t.",
        "doesn’t",
        "He said “hello” – and left…",
        "£5 and €10",
        "Le château où naît l’été",
        "El niño comió piña. ¿Qué?",
        "São Paulo: corações e ações",
        "Größe",
        "Smörgåsbord på svenska",
        "25 °C ± 2",
        "naïve",
    ],
    "cp949": [
        "서울",
        "훈민정음은 세종이 만들었다\n끝",
        "도시,인구\r\n서울,940만\r\n",
        "김치찌개",
        "안녕하세요. 저는 학생입니다",
        "價格은 천 원입니다",
        "똠방각하 펲시콜라가 있는 옛글",
    ],
    "gb18030": ["中文测试", "我们在北京学习中文。", "价格：一百元", "你好", "人工智能是计算机科学的分支"],
    "big5hkscs": ["中文測試", "我們在臺北學習中文。", "價格：一百元", "你好", "人工智慧是電腦科學的一個分支"],
    "cp932": ["こんにちは", "日本語のテストです。", "東京は日本の首都です", "カタカナ"],
    "euc_jp": ["こんにちは", "日本語のテストです。", "東京は日本の首都です", "カタカナ"],
    "cp1251": ["Привет, мир", "Москва — столица России.", "ПРИВЕТ", "Привіт, як справи? Її"],
    "koi8_r": ["Привет, мир", "Москва столица России.", "ПРИВЕТ"],
    "cp1250": ["Zażółć gęślą jaźń", "Příliš žluťoučký kůň", "árvíztűrő tükörfúrógép", "Łódź"],
    "iso8859_2": ["Zażółć gęślą jaźń", "Příliš žluťoučký kůň", "árvíztűrő tükörfúrógép"],
    "cp1253": ["Καλημέρα κόσμε", "Αθήνα"],
    "cp1254": ["Türkiye'nin başkenti Ankara'dır, İstanbul değil"],
    "cp1256": ["مرحبا بالعالم"],
    "cp874": ["สวัสดีชาวโลก"],
    "cp1257": ["Latvijas galvaspilsēta ir Rīga, šķērsiela", "Lietuvos sostinė, ąžuolas"],
    "utf-16-le": ["text without a mark", "표시가 없는 글"],
    "utf-16-be": ["text without a mark\n", "표시가 없는 글"],
}


def test_a_short_text_is_read_as_it_was_written_in_any_alphabet():
    wrong = [
        (encoding, text, found)
        for encoding, written in WRITTEN.items()
        for text in written
        if not (found := decoded(text.encode(encoding))) or found[0] != text
    ]
    assert wrong == []


def test_a_curly_apostrophe_alone_makes_no_korean(read):
    document = only(read(("a.txt", b"It doesn\x92t, and we can\x92t.")))
    assert (texts(document), document.encoding) == (["It doesn’t, and we can’t."], "cp1252")


def test_what_a_file_says_of_itself_comes_first(read):
    hebrew, thai = "שלום", "สวัสดี"
    cases = [
        ("a.html", "<meta charset=windows-1255><p>%s", "cp1255", hebrew),
        ("a.html", "<META content='text/html; charset=windows-1255' http-equiv=x><p>%s", "cp1255", hebrew),
        ("a.html", "<?xml version='1.0' encoding='tis-620'?><p>%s</p>", "cp874", thai),
        ("a.html", "<meta charset='gb2312'><p>%s", "gb18030", "价格"),
        ("a.html", "<meta charset='iso-8859-7'><p>%s", "iso8859-7", "ΑΒ"),
        ("a.html", '<meta charset="iso-8859-1"><p>%s', "cp1252", "naïve – “x”"),
        ("a.txt", "# -*- coding: windows-1255 -*-\n%s", "cp1255", hebrew),
    ]
    for name, page, encoding, text in cases:
        document = only(read((name, (page % text).encode(encoding))))
        assert (texts(document)[0].split("\n")[-1], document.encoding) == (text, encoding)


def test_what_a_file_says_falsely_is_not_believed():
    korean = "훈민정음은 세종이 만들었다"
    said = b"<meta charset=iso-8859-1>"
    assert decoded(said + korean.encode("cp949")) == (said.decode() + korean, "cp949")
    assert decoded(b"<meta charset=utf-16>plain") == ("<meta charset=utf-16>plain", "utf-8")


def test_only_encodings_of_letters_are_known():
    names = ["rot13", "zlib", "unicode_escape", "idna", "punycode", "undefined", "x" * 40, "\0"]
    assert [known(name) for name in names] == [""] * len(names)
    assert said_by(b"<meta charset=unicode_escape>\\x41") == ""
    assert [known(name) for name in ("KS_C_5601-1987", "Latin1", "Shift_JIS", "KOI8-R")] == [
        "cp949",
        "cp1252",
        "cp932",
        "koi8_r",
    ]
    assert all(known(name) == name or name.startswith("utf-16") for name in ENCODINGS)


def test_a_few_foreign_bytes_in_utf8_are_read_beside_it():
    text = "정부는 오늘 새로운 계획을 발표했다".encode()
    assert decoded(text + b" caf\xe9") == (text.decode() + " café", "utf-8")


def test_a_damaged_character_costs_itself_and_is_counted(read):
    text = "훈민정음은 세종이 만들었다. 백성을 가르치는 바른 소리라는 뜻이다.".encode("cp949")
    document = only(read(("a.txt", text[:-1] + b"\xff\n")))
    assert document.encoding == "cp949"
    assert texts(document)[0].startswith("훈민정음은 세종이 만들었다.")
    lost = texts(document)[0].count("\ufffd")
    assert [str(note) for note in document.notes] == [f"{lost} characters of a.txt could not be read and stand as “�”."]


def test_the_visitors_choice_comes_before_all_else(read):
    data = "<meta charset=utf-8><p>ПРИВЕТ".encode("koi8_r")
    found = read(("a.html", data), ("b.pdf", samples.pdf(samples.shown("kept"))), encoding="cp1251")
    expected = "ПРИВЕТ".encode("koi8_r").decode("cp1251")
    assert [texts(document) for document in found.documents] == [[expected], ["kept"]]
    assert found.documents[0].encoding == "cp1251"


def test_a_choice_that_does_not_fit_is_refused(read):
    data = "훈민정음".encode("cp949")
    reason = refused(read(GOOD, ("bad.txt", data), encoding="utf-8"))
    assert reason == ("bad.txt is not text in UTF-8. Choose another encoding, or let it be found out.")


def test_a_choice_that_is_none_is_found_out(read):
    assert texts(only(read(("a.txt", b"x"), encoding="zlib"))) == ["x"]


def test_names_in_a_zip_are_read_in_their_alphabet(read):
    for name, encoding in (("测试文件", "gb18030"), ("한글", "cp949"), ("Müller", "cp437")):
        raw = name.encode(encoding)
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as file:
            file.writestr("x" * len(raw) + ".txt", b"one")
        data = held.getvalue().replace(b"x" * len(raw), raw)
        entry = zipfile.ZipFile(io.BytesIO(data)).infolist()[0]
        assert entry_name(entry) == f"{name}.txt"


def test_invisible_characters_do_not_part_words(read):
    text = "play\u200bground exam\u00adple infor\u00ad\nmation \u2060joined ไทย\u200bคำ می\u200cخواهم"
    assert texts(only(read(("a.txt", text.encode())))) == [
        "playground example information joined ไทย\u200bคำ می\u200cخواهم"
    ]
