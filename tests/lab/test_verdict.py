"""A verdict is computed from the figures: made-up rows, and what must follow from them."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest

from playground.errors import Message
from playground.lab.collateral import Kept
from playground.lab.evaluation import Response
from playground.lab.lesson import KINDS, LessonQuestion
from playground.lab.scores import COSTS, IMPORTANT, QUALITIES, USUAL, best_of, ranking, untold
from playground.lab.table import WayRow
from playground.lab.verdict import NEEDS, Amount, Compared, Sentence, verdict
from playground.lab.ways import WAYS
from playground.retrieval.retrievers import RETRIEVERS
from playground.ui.text import EN


def row(way, says=1, paraphrase=4, locality=4, kept=10, sure=0.5, of=4, portability=None, **values):
    """Out of one question for the fact, ``of`` of the other kinds, and ten facts kept."""
    rights = {"efficacy": (says, 1), "paraphrase": (paraphrase, of), "locality": (locality, of)}
    if portability is not None:
        rights["portability"] = (portability, of)
    asked = tuple(
        Response(question=LessonQuestion(kind, f"{kind} {n}", " x"), probability=sure, other=None, right=n < right)
        for kind, (right, count) in rights.items()
        for n in range(count)
    )
    usual = {"apply_seconds": 1.0, "answer_seconds": 0.5, "undo_seconds": 1.0, "bytes": 1000}
    return WayRow(way=way, error=None, answer="x", asked=asked, kept=Kept(kept, 10), **(usual | values))


def base(**values):
    return row("base", **{"says": 0, "paraphrase": 0, "bytes": 0, "apply_seconds": 0.0} | values)


def template(sentence: Sentence) -> str:
    return EN[f"verdict_{sentence.key}"]


def text(sentence: Sentence) -> str:
    """A sentence in English, with ids for names and bare numbers."""
    return template(sentence).format(**{key: plain(value) for key, value in sentence.values.items()})


def plain(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(plain, value))
    if isinstance(value, Amount):
        return f"{value.value:.3g}"
    if isinstance(value, Compared):
        own = f"{value.column}{' (probability)' if value.likely else ''} {value.own:.3g}"
        return own if value.other is None else f"{own} against {value.other:.3g}"
    return str(value)


def said(found) -> str:
    return " | ".join(map(text, found.sentences))


def ways(found) -> list[str]:
    return [one.way for one in found]


# Scores


def test_a_score_is_the_mean_of_marks_worked_by_hand():
    [one] = ranking([row("rome", paraphrase=2, kept=7, sure=0.4)], USUAL)
    marks = {"efficacy": 0.95 + 0.02, "paraphrase": 0.475 + 0.02, "locality": 0.97, "kept": 0.7}
    assert one.marks == pytest.approx(marks)
    assert one.score == pytest.approx(sum(marks.values()) / 4)


@pytest.mark.parametrize(
    ("ratio", "mark"), [(1.0, 1.0), (2.0, 0.5), (0.5, 1.0), (math.inf, 0.0), (0.0, 0.0), (math.nan, 0.0)]
)
def test_perplexity_is_bounded(ratio, mark):
    [one] = ranking([row("rome", perplexity_ratio=ratio)], ["perplexity"])
    assert one.score == mark


@pytest.mark.parametrize(("column", "unit"), [("bytes", 1), ("apply_seconds", 0.01)])
def test_costs_lie_on_a_logarithmic_scale_of_a_factor_of_ten_at_least(column, unit):
    def marks(*given):
        names = ("in_context", "rome", "lora")
        rows = [row(way, **{column: one}) for way, one in zip(names, given, strict=False)]
        return {one.way: round(one.score, 6) for one in ranking(rows, [column])}

    assert marks(unit, 10 * unit, 100 * unit) == {"in_context": 1, "rome": 0.5, "lora": 0}
    assert marks(0, unit) == {"in_context": 1, "rome": 1}
    assert marks(100 * unit, 200 * unit)["rome"] == pytest.approx(1 - math.log10(2), abs=1e-5)
    assert marks(0) == {"in_context": 1}


def test_ties_keep_the_order_of_the_ways_and_more_probability_breaks_them():
    rows = [row("lora"), row("ft"), row("rome")]
    assert ways(ranking(rows, USUAL)) == ["rome", "ft", "lora"]
    rows[0] = row("lora", sure=0.6)
    assert ways(ranking(rows, USUAL)) == ["lora", "rome", "ft"]


def test_what_failed_and_what_was_not_measured_is_left_out():
    rows = [base(), WayRow(way="rome", error=Message("No.")), WayRow(way="ft"), row("lora")]
    assert ways(ranking(rows, USUAL)) == ["lora"]
    assert ranking(rows, ["portability"]) == ranking(rows, []) == ranking([], USUAL) == ()
    [one] = ranking(rows, ["portability", "kept"])
    assert set(one.marks) == {"kept"}


def test_a_way_that_never_says_the_fact_comes_last_however_harmless():
    rows = [row("nudge", says=0, bytes=1), row("lora", locality=0, kept=0, bytes=10**6)]
    assert ways(ranking(rows, ["locality", "kept", "bytes"])) == ["lora", "nudge"]


# The best of each column


def test_the_best_of_each_column_are_marked():
    rows = [
        base(locality=4),
        row("rome", locality=3, bytes=10, apply_seconds=2, perplexity_ratio=1.2),
        row("ft", locality=3, bytes=20, apply_seconds=1, perplexity_ratio=1.1, kept=9),
        row("lora", locality=2, bytes=10, apply_seconds=1.0001, perplexity_ratio=1.3),
        row("nudge", says=0, locality=1, bytes=1, apply_seconds=0.1, perplexity_ratio=1.4),
    ]
    best = best_of(rows)
    assert set(best) == set(IMPORTANT)
    assert best["locality"] == {"rome", "ft"}  # not the base
    assert best["bytes"] == {"rome", "lora"}  # not the way that says nothing
    assert best["apply_seconds"] == {"ft", "lora"}  # they look the same
    assert best["perplexity"] == {"ft"}
    assert best["kept"] == {"rome", "lora", "nudge"}
    assert best["efficacy"] == {"rome", "ft", "lora"}
    assert best["paraphrase"] == best["portability"] == best["answer_seconds"] == set()


@pytest.mark.parametrize("rows", [[], [base()], [base(), row("rome")], [row("rome"), row("ft")]])
def test_nothing_is_marked_where_all_are_equal(rows):
    assert set(map(len, best_of(rows).values())) == {0}


# The choice


def test_a_figure_decides_the_choice_and_stands_in_the_sentence():
    rows = [base(), row("rome", locality=4), row("lora", locality=1)]
    found = verdict(rows, USUAL, ())
    assert found.best == "rome"
    first = found.sentences[0]
    assert first.values["reasons"] == (Compared("locality", 1.0, 0.25),)
    assert (first.values["way"], first.values["other"]) == ("rome", "lora")

    rows[1] = row("rome", locality=0)
    found = verdict(rows, USUAL, ())
    assert found.best == "lora"
    assert found.sentences[0].values["reasons"] == (Compared("locality", 0.25, 0.0),)


def test_what_is_ticked_decides_too():
    rows = [base(), row("rome", locality=1), row("lora", paraphrase=2)]
    assert verdict(rows, ["paraphrase"], ()).best == "rome"
    assert verdict(rows, ["locality"], ()).best == "lora"


def test_sentences_name_only_figures_of_the_rows():
    rows = [
        base(portability=0),
        row("in_context", paraphrase=3, bytes=41, portability=2, answer_seconds=0.75),
        row("memit", locality=2, kept=8, perplexity_ratio=1.17, bytes=7654, portability=1),
        row("lora", locality=1, kept=5, perplexity_ratio=1.33, apply_seconds=12, portability=0),
        row("nudge", says=0, paraphrase=0, portability=0),
    ]
    for important in (USUAL, IMPORTANT, ["bytes"], ["paraphrase"], ["portability"]):
        for needs in ((), *((need,) for need in NEEDS)):
            for sentence in verdict(rows, important, needs).sentences:
                assert_true_of(rows, sentence)


def assert_true_of(rows, sentence: Sentence) -> None:
    """Every comparison of named ways is that of their rows; every figure stands in some row."""
    own = {one.way: one for one in rows}
    known = {0.25, 0.5, 0.75, 1.0, 0.0}  # shares of four
    for one in rows:
        known |= {one.kept.right / 10, one.perplexity_ratio, float(one.bytes)}
        known |= {one.apply_seconds, one.answer_seconds, one.undo_seconds}
    for given in sentence.values.values():
        for item in given if isinstance(given, tuple) else (given,):
            if isinstance(item, Amount):
                assert item.value in known
            elif isinstance(item, int):
                assert item == sum(one.way != "base" for one in rows)
            elif isinstance(item, Compared):
                assert item.own in known
                assert item.other is None or item.other in known
                way = own[str(sentence.values["way"])]
                if item.column in KINDS and not item.likely:
                    assert item.own == way.figures[item.column].share
            else:
                assert item in WAYS or item in IMPORTANT


def test_ways_as_good_as_each_other_are_said_to_be():
    rows = [base(), row("rome", bytes=10), row("ft", bytes=5000), row("lora", locality=0)]
    first = verdict(rows, USUAL, ()).sentences[0]
    assert template(first).startswith("As good as each other")
    assert first.values["ways"] == ("rome", "ft")
    assert first.values["reasons"] == (Compared("bytes", 10.0, 5000.0),)
    same = verdict([base(), row("rome"), row("ft")], USUAL, ()).sentences[0]
    assert "No figure here tells" in text(same)
    clear = verdict([base(), row("rome"), row("ft", kept=8)], USUAL, ()).sentences[0]
    assert "fits best" in text(clear)


def test_probabilities_are_compared_where_shares_are_the_same():
    rows = [base(), row("rome", sure=0.9), row("lora", sure=0.1)]
    reasons = verdict(rows, ["efficacy"], ()).sentences[0].values["reasons"]
    assert reasons == (Compared("efficacy", 0.9, 0.1, likely=True),)


# Nothing to recommend


def test_without_figures_it_asks_for_some():
    for rows in ([], [base()], [base(), WayRow(way="rome", error=Message("No."))]):
        found = verdict(rows, USUAL, ())
        assert found.best is None
        assert "Teach the fact" in text(found.sentences[0])


def test_where_no_way_says_it_the_nearest_is_named():
    rows = [base(), row("rome", says=0, sure=0.1), row("ft", says=0, sure=0.2)]
    found = verdict(rows, USUAL, ())
    assert found.best is None
    assert found.sentences[0].values == {"way": "ft", "figure": Amount("share", 0.2)}
    assert "word for word" not in said(found)


def test_a_way_that_breaks_more_than_it_teaches_is_not_recommended():
    rows = [base(), row("ft", paraphrase=0, locality=0, kept=1)]
    found = verdict(rows, USUAL, ())
    assert found.best is None
    assert "no way beats" in text(found.sentences[0])
    assert Compared("locality", 0.0, 1.0) in found.sentences[0].values["reasons"]
    assert verdict(rows, ["efficacy"], ()).best == "ft"
    assert verdict(rows[1:], USUAL, ()).best == "ft"  # nothing to compare with


def test_the_next_that_does_good_is_recommended_where_the_cheapest_does_harm():
    rows = [base(), row("rome", locality=0, kept=0, bytes=1), row("lora", bytes=10**6)]
    important = ["locality", "kept", "bytes", "bytes"]
    assert verdict(rows, important, ()).best == "lora"
    assert ways(verdict(rows, ["bytes"], ()).ranked) == ["rome", "lora"]


def test_a_fact_that_the_model_says_already_is_noticed():
    rows = [base(says=1, paraphrase=4), row("rome")]
    found = verdict(rows, USUAL, ())
    assert found.best is None
    assert "no way differs" in text(found.sentences[0])
    assert "without being taught" in said(found)


def test_a_tick_without_figures_is_said():
    found = verdict([base(), row("rome")], ["portability"], ())
    assert found.best is None
    assert "Nothing that you ticked was measured" in text(found.sentences[0])
    assert verdict([base(), row("rome")], [], ()).best is None


# Needs


def test_many_facts_leave_out_the_prompt_and_one_at_a_time():
    rows = [base(), row("in_context", bytes=77), row("rome"), row("memit", paraphrase=3)]
    assert verdict(rows, USUAL, ()).best == "in_context"
    found = verdict(rows, USUAL, ("many",))
    assert ways(found.ranked) == ["memit"]
    assert Amount("bytes", 77) in found.sentences[1].values.values()
    silent = [*rows[:3], row("memit", says=0)]
    assert verdict(silent, USUAL, ("many",)).best == "rome"


def test_only_what_stands_in_the_prompt_can_be_cited():
    rows = [base(), row("rome"), row("dense", paraphrase=2)]
    found = verdict(rows, USUAL, ("cite",))
    assert ways(found.ranked) == ["dense"]
    assert ("rome",) in [one.values.get("ways") for one in found.sentences]
    none = verdict(rows[:2], USUAL, ("cite",))
    assert none.best is None
    assert none.sentences[0].values["ways"] == ("in_context", *RETRIEVERS)
    both = verdict(rows[:2], USUAL, ("cite", "many"))
    assert both.sentences[0].values["ways"] == tuple(RETRIEVERS)


def test_a_fact_that_changes_makes_time_count():
    rows = [
        base(),
        row("rome", paraphrase=3, apply_seconds=0.1, undo_seconds=0.1),
        row("lora", apply_seconds=60, undo_seconds=5),
    ]
    assert verdict(rows, USUAL, ()).best == "lora"
    found = verdict(rows, USUAL, ("changes",))
    assert found.best == "rome"
    assert "counts too" in said(found)
    assert {"apply_seconds", "undo_seconds"} <= set(found.ranked[0].marks)
    timed = verdict(rows, ["efficacy", "apply_seconds", "undo_seconds"], ("changes",))
    assert "counts too" not in said(timed)


def test_a_style_is_not_judged():
    found = verdict([base(), row("rome")], USUAL, ("style", "cite"))
    assert found.best is None
    assert len(found.sentences) == 1
    assert "LoRA" in said(found)
    assert "does not measure" in said(found)


def test_every_criterion_is_a_quality_or_a_cost():
    assert (*QUALITIES, *COSTS) == IMPORTANT


# What would change the choice


def test_a_need_that_changes_the_choice_is_named_with_its_figures():
    rows = [base(), row("in_context", bytes=77), row("memit", paraphrase=3, bytes=77)]
    found = verdict(rows, USUAL, ())
    [many] = [one for one in found.sentences if template(one).startswith("If there were many")]
    assert many.values == {"way": "memit", "other": "in_context", "figure": Amount("bytes", 77)}
    rows[1] = row("bm25", bytes=77)
    assert "many facts" not in said(verdict(rows, USUAL, ()))


def test_rome_gives_way_to_memit_for_many_facts_and_to_a_passage_for_a_source():
    rows = [base(), row("rome"), row("memit", kept=8), row("bm25", paraphrase=0)]
    sentences = verdict(rows, USUAL, ()).sentences
    [many] = [one for one in sentences if template(one).startswith("If there were many")]
    assert (many.values["way"], many.values["other"]) == ("memit", "rome")
    assert many.values["reasons"] == (Compared("kept", 0.8, 1.0),)
    [cite] = [one for one in sentences if template(one).startswith("If the source")]
    assert (cite.values["way"], cite.values["other"]) == ("bm25", "rome")
    assert cite.values["reasons"] == (Compared("paraphrase", 0.0, 1.0),)


def test_a_criterion_that_alone_would_change_the_choice_is_named():
    rows = [base(), row("dense", answer_seconds=2.0), row("lora", paraphrase=2, answer_seconds=0.5)]
    found = verdict(rows, USUAL, ())
    [alone] = [one for one in found.sentences if "only one of these" in template(one)]
    assert alone.values == {"way": "lora", "other": "dense", "reasons": (Compared("answer_seconds", 0.5, 2.0),)}
    rows[2] = replace(rows[2], answer_seconds=2.0)
    assert "only one of these" not in said(verdict(rows, USUAL, ()))


def test_a_difference_too_small_to_tell_changes_nothing():
    rows = [base(), row("dense", bytes=1000), row("lora", paraphrase=2, bytes=990)]
    assert "only one of these" not in said(verdict(rows, USUAL, ()))
    rows[2] = replace(rows[2], bytes=100)
    assert "only one of these" in said(verdict(rows, USUAL, ()))


def test_what_the_best_does_worse_is_no_reason_for_it():
    rows = [base(), row("rome", kept=9), row("lora", paraphrase=1)]
    reasons = verdict(rows, USUAL, ()).sentences[0].values["reasons"]
    assert reasons == (Compared("paraphrase", 1.0, 0.25),)


def test_often_changing_is_named_only_with_the_times_that_decide():
    rows = [base(), row("rome", paraphrase=3, apply_seconds=0.1), row("lora", apply_seconds=60)]
    [often] = [s for s in verdict(rows, USUAL, ()).sentences if "changed often" in template(s)]
    assert often.values["reasons"] == (Compared("apply_seconds", 0.1, 60.0),)


# What is wrong even with the best


def test_weak_points_of_the_best_are_named_and_go_with_their_figures():
    weak = row("rome", paraphrase=1, locality=3, kept=9, perplexity_ratio=1.3)
    found = verdict([base(), weak], ["efficacy", "paraphrase"], ())
    short, damage = (
        next(one for one in found.sentences if template(one).startswith(start))
        for start in ("Even with", "Even “{way}” does")
    )
    assert short.values["reasons"] == (Compared("paraphrase", 0.25),)
    assert damage.values["reasons"] == (
        Compared("locality", 0.75, 1.0),
        Compared("kept", 0.9, 1.0),
        Compared("perplexity", 1.3, 1.0),
    )
    assert "Even" not in said(verdict([base(), row("rome")], USUAL, ()))
    poor = verdict([base(locality=3), row("rome", locality=3)], USUAL, ())
    assert "Even" not in said(poor)  # as the base does


def test_what_failed_is_named():
    rows = [base(), row("rome"), row("nudge", says=0), WayRow(way="ft", error=Message("No."))]
    found = verdict(rows, USUAL, ())
    assert "word for word: nudge." in said(found)
    assert "as the table says: ft." in said(found)


def test_few_questions_are_said_to_be_coarse_once_and_enough_are_not():
    few = verdict([base(of=2, locality=2), row("rome", of=2, locality=2)], USUAL, ())
    assert said(few).count("coarse") == 1
    assert Amount("share", 0.5) in [one.values.get("figure") for one in few.sentences]
    assert "coarse" not in said(verdict([base(), row("rome")], USUAL, ()))


def test_shares_that_may_differ_by_chance_are_said_to():
    few = verdict([base(), row("rome"), row("lora", locality=2)], USUAL, ())
    [chance] = [one for one in few.sentences if template(one).startswith("Too few")]
    assert chance.values["reasons"] == (Compared("locality", 1.0, 0.5),)
    many = [base(of=12), row("rome", of=12, paraphrase=12, locality=12), row("lora", of=12, paraphrase=12, locality=3)]
    assert "Too few" not in said(verdict(many, USUAL, ()))
    assert untold([row("rome"), row("lora", locality=2)]) == ("locality",)
    assert untold(many) == ()


def test_what_is_written_decides_and_not_what_is_likelier():
    def written(way, *told):
        rights = row(way)
        asked = tuple(
            replace(one, written=given) for one, given in zip(rights.asked, [*told, *[True] * 8], strict=False)
        )
        return replace(rights, asked=asked)

    rows = [base(), written("rome", False), written("lora", True)]
    assert [one.figures["efficacy"].share for one in rows[1:]] == [1.0, 1.0]
    found = verdict(rows, USUAL, ())
    assert found.best == "lora"
    assert "word for word: rome." in said(found)


def test_the_only_way_tried_is_not_called_the_only_one_that_can():
    found = verdict([base(), row("rome")], USUAL, ())
    assert "the only way that was tried so far" in said(found)
    assert found.chosen is None
    two = verdict([base(), row("rome"), row("ft", says=0)], USUAL, ())
    assert "Of the 2 ways tried, “rome” is the only one left that says the fact" in said(two)
    assert two.chosen == "rome"
    cited = verdict([base(), row("rome"), row("dense")], USUAL, ("cite",))
    assert "Of the 2 ways tried, “dense” is the only one that can do what you need" in said(cited)


def test_seconds_of_an_answer_within_the_machines_noise_decide_nothing():
    rows = [base(), row("dense", answer_seconds=4.0), row("lora", answer_seconds=10.0)]
    found = verdict(rows, ["efficacy", "answer_seconds"], ())
    assert "answer_seconds" not in said(found).replace("What", "")
    assert len({one.score for one in found.ranked}) == 1
    rows[2] = replace(rows[2], answer_seconds=40.0)
    found = verdict(rows, ["efficacy", "answer_seconds"], ())
    assert found.best == "dense"
    assert "answer_seconds 4 against 40" in said(found)


def test_the_cost_is_that_of_the_row():
    rows = [base(), row("rome", apply_seconds=3.25, undo_seconds=0.75, bytes=123)]
    [cost] = [s for s in verdict(rows, USUAL, ()).sentences if template(s).startswith("What “{way}”")]
    assert [plain(cost.values[key]) for key in ("apply", "undo", "held")] == ["3.25", "0.75", "123"]


def test_there_are_never_more_sentences_than_a_person_reads():
    rows = [
        base(of=2, portability=0),
        *(
            row(
                way,
                says=n % 4 != 3,
                paraphrase=n % 3,
                kept=9 - n,
                of=2,
                locality=n % 2,
                portability=0,
                apply_seconds=n / 3,
                bytes=1000 - n,
                perplexity_ratio=1 + n / 9,
            )
            for n, way in enumerate(WAYS)
            if way != "base"
        ),
    ]
    for needs in ((), ("many",), ("many", "cite", "changes")):
        for important in (USUAL, IMPORTANT):
            found = verdict(rows, important, needs)
            assert 1 <= len(found.sentences) <= 7
            assert not re.search(r"[{}]|\(\)|: \.", said(found)), said(found)
