"""Whether an answer says what is right: by hand what is the same, what is not, and what denies."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from playground.ask.judging import says_right


@pytest.mark.parametrize(
    ("right", "texts"),
    [
        (
            "at 7:30",
            [
                "It opens at 07:30.",
                "At 7.30 on Sunday",
                "half past seven",
                "Half past 7 in the morning",
                "7:30 am",
                "7:30 a.m. sharp",
                "오전 7시 30분에 엽니다",
                "아침 7:30부터",
                "일곱 시 반에 엽니다",
                "7시 30분",
            ],
        ),
        (
            "19:30",
            ["7:30 pm", "at 7.30 p.m.", "오후 7시 30분", "오후 7:30에 닫습니다", "half past seven", "time: 19:30"],
        ),
        ("7 pm", ["19:00", "at 7 o'clock", "7 P.M.", "저녁 7시에"]),
        ("12:00", ["at 12 pm", "12:00 p.m."]),
        ("0:00", ["12 am", "24:00"]),
        ("a quarter to one", ["12:45", "at 12:45 pm"]),
        ("6:00 to 18:30", ["from 6 am to 6:30 pm", "6:00 to 6.30 pm"]),
        ("25 December", ["on December 25th", "Dec. 25, 2024", "2024-12-25", "12월 25일에", "the 25th of December"]),
        ("2024-05-03", ["3 May 2024", "May 3, 2024", "2024년 5월 3일"]),
        ("twenty-one", ["21 rooms", "Twenty one."]),
        ("12", ["It has twelve rooms."]),
        ("10.25 km", ["10.25 kilometres", "about 10.25km"]),
        ("5 percent", ["5%", "five per cent", "5 퍼센트"]),
        ("two hours", ["2 h", "It takes 2 hours."]),
        ("$4.50", ["4.50 dollars", "It is $4.50."]),
        ("4,500원", ["입장료는 4,500원입니다.", "₩4,500", "4500 won"]),
        ("£5", ["five pounds"]),
        ("Rome | Roma", ["It is Roma.", "Rome, of course"]),
        ("in Paris", ["Paris", "It lies in Paris."]),
        ("Alice in Wonderland", ["It was Alice in Wonderland."]),
        ("Brain surgery", ["brain surgery"]),
        ("rice from Italy", ["Rice from Italy."]),
        ("서울", ["서울에 있습니다", "부산이 아니라 서울입니다"]),
    ],
)
def test_the_same_written_otherwise_is_said(right, texts):
    assert [text for text in texts if not says_right(right, text)] == []


@pytest.mark.parametrize(
    ("right", "texts"),
    [
        (
            "at 7:30",
            [
                "It closes at 18:30 on Sunday.",
                "17:30",
                "7:31",
                "7:30 pm",
                "오후 7시 30분",
                "7:30:15",
                "half past eight",
                "It is not 7:30.",
                "not at 7:30",
                "It doesn't open at 7:30.",
                "It opens at 8:00 rather than at 7:30",
                "7시 30분이 아니라 8시입니다",
            ],
        ),
        ("6:30", ["closes at 18:30"]),
        ("3시", ["3시간 걸립니다"]),
        ("25 December", ["24 December", "25 November", "December"]),
        ("12", ["120", "1.12", "12.5"]),
        ("5 km", ["5 m", "15 km", "5 kg"]),
        ("$4.50", ["4.50 euros", "$14.50"]),
        ("Rome | Roma", ["Paris", "the romance"]),
        ("Rome", ["", "It is not Rome but Paris.", "Unlike Rome, Paris"]),
        ("서울", ["서울이 아니라 부산입니다", "서울은 아닙니다"]),
    ],
)
def test_what_is_another_answer_or_denied_is_not_said(right, texts):
    assert [text for text in texts if says_right(right, text)] == []


def test_what_is_denied_first_and_said_then_is_said():
    assert says_right("8:00", "Not at 7:30 but at 8:00.")
    assert says_right("Rome", "It isn't Paris, it is Rome.")
    assert says_right("Rome", "Not Rome? Yes. It is Rome.")


def test_a_long_passage_is_read_as_a_short_one_is():
    """By trying every beginning of it, it would take a minute."""
    long = "word " * 8_000
    assert says_right("7:30", f"{long} at 7:30 {long}")
    assert not says_right("7:30", f"{long} not at 7:30 {long}")
    assert not says_right("서울", f"{long} 서울이 아니라 {long}")


@given(st.text())
def test_an_answer_without_letters_or_digits_is_never_said(text):
    for nothing in ("", " ", "|", " | ｜", "…", "?!", "—"):
        assert not says_right(nothing, text)
        assert not says_right(nothing, nothing)


PIECES = """
at in not never the it is 7:30 7.30 18 half past to seven am pm o'clock 오전 7시 30분 반 일곱 시 5월 3일 아니라 may 3
dec. 2024 $ ₩ 4,500 원 km m h 5% | , . but Rome
"""
WORD = st.sampled_from(PIECES.split())


@given(st.text(max_size=150) | st.lists(WORD, max_size=12).map(" ".join))
@example("not at 7:30")
@example("AT :")
@example("five hourſ")
@example("ſix ſeptember İ ı 3 K㎞")
@example("it is | not | 5")
@example("1:00 2:00 3:00 4:00 5:00 6:00 7:00 8:00")
@example("half past 99")
def test_an_answer_says_itself(answer):
    parts = normalize("NFKD", answer).replace("｜", "|").split("|")  # a mark over nothing is no letter
    written = any(character.isalnum() for part in parts for character in part)
    assert says_right(answer, answer) or not written


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 23), st.integers(0, 59))
def test_two_times_of_the_day_are_the_same_only_if_they_are(hour, minute, other, past):
    """Both written with what tells the half of the day."""

    def english(hours, minutes):
        return f"{hours % 12 or 12}:{minutes:02} {'am' if hours < 12 else 'pm'}"

    def korean(hours, minutes):
        return f"{'오전' if hours < 12 else '오후'} {hours % 12 or 12}시 {minutes}분"

    same = (hour, minute) == (other, past)
    assert says_right(english(hour, minute), f"It opens at {english(other, past)}.") == same
    assert says_right(english(hour, minute), f"{korean(other, past)}에 엽니다.") == same
