"""Tables as spreadsheets and people save them keep every value, in its row and under its name."""

from __future__ import annotations

from reading_samples import only, texts

from playground.retrieval.chunking.markdown import chunk
from playground.sheets import read_sheet


def rows_of(text):
    return [row for row, _ in read_sheet(text).rows]


def test_excels_first_line_names_the_delimiter_and_is_no_row(read):
    for first in ("sep=;\r\n", '"sep=;"\r\n', "SEP=;\n"):
        document = only(read(("a.csv", f"{first}city;people\nSeoul, Korea;9\n".encode())))
        assert texts(document) == ["city: Seoul, Korea\npeople: 9"]
    assert rows_of("sep=#\na#b\nc#d") == [["c", "d"]]


def test_a_title_above_the_table_is_kept_and_is_no_header(read):
    data = b"City figures 2024,,\n\ncity,people,area\nSeoul,9,605\nBusan,3,770\n"
    assert texts(only(read(("a.csv", data)))) == [
        "City figures 2024",
        "city: Seoul\npeople: 9\narea: 605",
        "city: Busan\npeople: 3\narea: 770",
    ]
    sheet = read_sheet("Figures, of course\ncity;people\nSeoul;9\nBusan;3")
    assert (sheet.delimiter, sheet.header) == (";", ("city", "people"))


def test_a_table_without_a_header_keeps_its_first_row(read):
    tables = [
        "Seoul,9.4,605\nBusan,3.3,770\n",  # numbers
        "2024-01-02,open\n2024-01-03,shut\n",  # dates
        "yes,Mina\nyes,Jun\nno,Ara\n",  # what comes again below
        f"a,{'long text ' * 20}\nb,c\n",
    ]
    for table in tables:
        assert rows_of(table)[0] == table.split("\n")[0].split(",")
    document = only(read(("a.csv", tables[0].encode())))
    assert texts(document) == ["Seoul\n9.4\n605", "Busan\n3.3\n770"]
    assert [str(note) for note in document.notes] == [
        "a.csv has no row of column names: its first row was read as values."
    ]


def test_names_of_columns_may_be_years(read):
    assert read_sheet("city,2019,2020\nSeoul,9.7,9.6").header == ("city", "2019", "2020")
    assert read_sheet("city,people\nSeoul,9").header == ("city", "people")


def test_a_stray_quote_costs_no_row_and_is_told(read):
    data = b'a,b\n1,"open\n2,x\n3,say "hi" now\n4,"fine, really"\n5,"shut"er\n6,5" disk\n'
    document = only(read(("a.csv", data)))
    assert texts(document) == [
        'a: 1\nb: "open',
        "a: 2\nb: x",
        'a: 3\nb: say "hi" now',
        "a: 4\nb: fine, really",
        'a: 5\nb: "shut"er',
        'a: 6\nb: 5" disk',
    ]
    assert [str(note) for note in document.notes] == [
        "In 2 rows of a.csv a quotation mark was never closed, or closed within a value: it was read as a letter."
    ]


def test_two_stray_quotes_do_not_swallow_what_is_between_them():
    assert rows_of('a,b\n1,"x\n2,y\n3,"z\n4,w') == [["1", '"x'], ["2", "y"], ["3", '"z'], ["4", "w"]]


def test_lines_within_quotes_stay_one_value():
    assert rows_of('a,b\n1,"one\n\ntwo, ""three"""\n2,x') == [["1", 'one\n\ntwo, "three"'], ["2", "x"]]


def test_each_piece_of_a_long_row_tells_whose_it_is(read):
    words = " ".join(f"word{n}" for n in range(60))
    part = only(read(("a.csv", f"city,about\nSeoul,{words}\n".encode()))).parts[0]
    assert part.title == "city: Seoul"
    assert len(chunk("a.csv", part.text)) > 1
