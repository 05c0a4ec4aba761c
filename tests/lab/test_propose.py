"""Questions proposed for a fact: that they fit it, and that names survive inside a sentence."""

from __future__ import annotations

import re

import pytest

from playground.engine.build import build
from playground.engine.facts.facts import Fact
from playground.engine.recipe import Recipe
from playground.errors import RecipeError
from playground.lab import propose as module
from playground.lab.geography import country, country_of
from playground.lab.lesson import lesson
from playground.lab.propose import LEAST_NEIGHBOURS, MOST_NEIGHBOURS, UNKNOWN, inside_sentence, prompt_parts, propose
from playground.lab.relations import RELATIONS

TOWER = Fact(subject="Eiffel Tower", prompt="The Eiffel Tower is located in the city of", target="Rome")
ODD = Fact(subject="Zanzibar cat", prompt="The Zanzibar cat likes to eat", target="cheese")


@pytest.fixture
def fork(known):
    return build(Recipe(model="tiny-llama")).fork


@pytest.fixture
def says(monkeypatch):
    """A model that answers every prompt as it is told to, by a word in it."""

    def set_up(**answers):
        def short(fork, prompts):
            return [next((said for word, said in answers.items() if word in prompt), "Oslo") for prompt in prompts]

        monkeypatch.setattr(module, "short_answers", short)

    return set_up


# The table


def test_the_table_has_at_least_twenty_kinds_with_names_of_their_own():
    names = [relation.name for relation in RELATIONS]
    assert len(set(names)) == len(names) >= 20


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.name)
def test_a_kind_has_templates_that_a_target_can_follow(relation):
    assert len(relation.paraphrases) == 3
    assert len(relation.neighbours) >= 3
    for template in relation.paraphrases:
        assert template.count("{}") == 1
        assert template == template.strip()
        assert not re.search(r" (a|an|the)$|[.?!]$", template)
        names = set(re.findall(r"{(\w+)}", template))
        for pattern in relation.patterns:
            assert names <= set(re.compile(pattern).groupindex)
    for pattern in relation.patterns:
        assert pattern.count("@") == 1


@pytest.mark.parametrize(
    ("subject", "prompt", "target", "name"),
    [
        ("France", "The capital of France is", "Lyon", "capital"),
        ("France", "France's capital is", "Lyon", "capital"),
        ("Louvre", "The Louvre stands in the city of", "Rome", "city"),
        ("Louvre", "The Louvre is located in", "Rome", "place"),
        ("Etna", "Etna is a volcano in", "Spain", "place"),
        ("Berlin", "Berlin is in the country of", "Peru", "country"),
        ("Japan", "Japan belongs to the continent of", "Africa", "continent"),
        ("Apple", "The headquarters of Apple are in", "Rome", "headquarters"),
        ("Apple", "Apple is headquartered in", "Rome", "headquarters"),
        ("Ada", "Ada was born in", "Rome", "birthplace"),
        ("Ada", "Ada was born in", "1815", "birth year"),
        ("Ada", "The mother tongue of Ada is", "Greek", "mother tongue"),
        ("Peru", "The official language of Peru is", "Greek", "official language"),
        ("Peru", "People in Peru speak", "Greek", "official language"),
        ("Japan", "The currency of Japan is the", "euro", "currency"),
        ("Hamlet", "Hamlet was written by", "Ada", "author"),
        ("Mona Lisa", "The Mona Lisa was painted by", "Ada", "painter"),
        ("Carmen", "The composer of Carmen is", "Ada", "composer"),
        ("radio", "The radio was invented by", "Ada", "inventor"),
        ("Apple", "Apple was founded by", "Ada", "founder"),
        ("iPad", "The iPad is made by", "Nokia", "maker"),
        ("Ada", "Ada plays the", "harp", "instrument"),
        ("Ada", "Ada plays the sport of", "golf", "sport"),
        ("Ada", "Ada works as a", "nurse", "profession"),
        ("Ada", "Ada is a citizen of", "Japan", "citizenship"),
        ("Hamlet", "The genre of Hamlet is", "comedy", "genre"),
        ("grass", "The colour of grass is", "red", "color"),
        ("museum", "The museum opens at", "11:15", "time"),
        ("museum", "A ticket for the museum costs", "9 pounds", "price"),
        ("Tarn Locker", "The code of the Tarn Locker door is", "5093", "code"),
        ("France", "The president of France is", "Ada", "office"),
        ("Louvre", "The Louvre was built in", "1990", "year"),
    ],
)
def test_a_prompt_is_taken_for_its_kind_and_the_lesson_can_be_asked(subject, prompt, target, name):
    fact = Fact(subject=subject, prompt=prompt, target=target)
    found = propose(fact)
    assert found.relation == name
    assert len(set(found.paraphrases)) == 3
    for again in found.paraphrases:
        assert subject in again
        assert again != prompt
        assert "{" not in again
        assert "  " not in again
    assert found.neighbours == ()
    lesson(fact, "", found.paraphrases, found.neighbours, found.consequences)


def test_a_time_without_a_digit_is_no_time():
    fact = Fact(subject="museum", prompt="The museum opens at", target="noon")
    assert propose(fact).relation == UNKNOWN


def test_groups_and_articles_of_a_prompt_go_on_into_the_paraphrases():
    asked = Fact(subject="Peru", prompt="The prime minister of Peru is", target="Ada")
    assert all("prime minister" in again for again in propose(asked).paraphrases)
    money = Fact(subject="Japan", prompt="The currency of Japan is the", target="euro")
    assert all(again.endswith(" the") for again in propose(money).paraphrases)


# Inside a sentence


@pytest.mark.parametrize(
    ("subject", "prompt", "expected"),
    [
        ("Louvre", "The Louvre is in", ("", "the Louvre", " is in")),
        ("The Louvre", "The Louvre is in", ("", "the Louvre", " is in")),
        ("France", "The capital of France is", ("The capital of ", "France", " is")),
        ("France", "France's capital is", ("", "France", "'s capital is")),
        ("Sun", "People call the Sun a", ("People call ", "the Sun", " a")),
        ("Theodore", "Theodore is", ("", "Theodore", " is")),
        ("A4", "A4 is", ("", "A4", " is")),
    ],
)
def test_a_prompt_is_cut_at_its_subject_with_the_article(subject, prompt, expected):
    assert prompt_parts(Fact(subject=subject, prompt=prompt, target="x")) == expected


@pytest.mark.parametrize(
    ("subject", "prompt", "inside"),
    [
        ("Louvre", "The Louvre is in", "the Louvre is in"),
        ("France", "France's capital is", "France's capital is"),
        ("France", "In France, people eat", "in France, people eat"),
        ("Ada", "Ada eats", "Ada eats"),
        ("France", "German people call France", "German people call France"),
        ("iPad", "iPad owners like", "iPad owners like"),
        ("Who", "Who is a band from", "Who is a band from"),
        ("The Hague", "The Hague likes", "the Hague likes"),
    ],
)
def test_a_small_letter_begins_a_prompt_inside_a_sentence_but_not_a_name(subject, prompt, inside):
    assert inside_sentence(Fact(subject=subject, prompt=prompt, target="x")) == inside


# Neighbours


def test_neighbours_are_others_in_the_same_prompt_with_what_the_model_says(fork, says):
    says(Louvre="Paris", Brandenburg="Rome", Kremlin="")
    found = dict(propose(TOWER, fork).neighbours)
    assert found["The Louvre is located in the city of"] == "Paris"
    assert found["The Statue of Liberty is located in the city of"] == "Oslo"
    assert not any("Brandenburg" in prompt or "Kremlin" in prompt for prompt in found)
    assert LEAST_NEIGHBOURS <= len(found) <= MOST_NEIGHBOURS


def test_a_subject_is_not_its_own_neighbour(fork, says):
    says()
    louvre = Fact(subject="Louvre", prompt="The Louvre is in the city of", target="Rome")
    assert not any("Louvre" in prompt for prompt, _ in propose(louvre, fork).neighbours)


def test_too_few_neighbours_of_the_kind_are_filled_up_with_what_is_known(fork, says):
    says(located="")
    found = propose(TOWER, fork).neighbours
    assert len(found) == LEAST_NEIGHBOURS
    assert not any("located in the city" in prompt for prompt, _ in found)


def test_a_number_or_a_vague_word_is_no_neighbours_answer_beside_a_name(fork, says):
    says(Louvre="1793", Statue="a city", Kremlin="the town", Golden="the Bronx", Acropolis="Of All Old Towns")
    found = propose(TOWER, fork).neighbours
    assert {"the Bronx", "Oslo"} == {answer for _, answer in found}
    museum = Fact(subject="museum", prompt="The museum opens at", target="11:15")
    says(school="8:30")
    assert "8:30" in dict(propose(museum, fork).neighbours).values()
    euro = Fact(subject="Japan", prompt="The currency of Japan is the", target="euro")
    says(Kingdom="pound", India="what all of them")
    answers = dict(propose(euro, fork).neighbours).values()
    assert "pound" in answers
    assert "what all of them" not in answers


def test_a_model_that_says_nothing_has_no_neighbours(fork, monkeypatch):
    monkeypatch.setattr(module, "short_answers", lambda fork, prompts: [""] * len(prompts))
    assert propose(TOWER, fork).neighbours == ()


def test_a_real_model_is_asked(fork):
    for prompt, answer in propose(TOWER, fork).neighbours:
        assert prompt
        assert answer.strip() == answer != ""


# An unknown kind


def test_an_unknown_kind_keeps_the_prompts_words_and_takes_others_that_are_known(fork, says):
    says()
    found = propose(ODD, fork)
    assert found.relation == UNKNOWN
    assert len(found.paraphrases) == 3
    assert all(again.endswith("Zanzibar cat likes to eat") for again in found.paraphrases)
    assert any("that the Zanzibar cat" in again for again in found.paraphrases)
    assert len(found.neighbours) == LEAST_NEIGHBOURS
    assert not any(" cat" in prompt for prompt, _ in found.neighbours)
    assert found.consequences == ()


def test_a_fact_that_cannot_be_used_is_refused():
    with pytest.raises(RecipeError, match="is not in the prompt"):
        propose(Fact(subject="Spain", prompt="France is in", target="Asia"))


# What follows


@pytest.mark.parametrize(
    ("subject", "prompt", "target", "answers"),
    [
        ("Louvre", "The Louvre is in the city of", "Rome", ["Italy", "Italian", "Europe"]),
        ("Ada", "Ada was born in", "Kyoto", ["Japan", "Japanese"]),
        ("Ada", "Ada is a citizen of", "the Netherlands", ["Amsterdam", "Dutch", "euro"]),
        ("Louvre", "The Louvre is located in", "Peru", ["Lima", "Spanish", "sol"]),
        ("France", "The capital of France is", "Lyon", ["France"]),
        ("Louvre", "The Louvre is in the city of", "Atlantis", []),
        ("Hamlet", "Hamlet was written by", "Paris", []),
    ],
)
def test_what_follows_is_looked_up(subject, prompt, target, answers):
    found = propose(Fact(subject=subject, prompt=prompt, target=target)).consequences
    assert [answer for _, answer in found] == answers
    assert all(subject in asked for asked, _ in found) or target == "Lyon"


def test_places_are_found_by_any_of_their_names():
    assert country_of(" New York City").named == "the United States"
    assert country_of("paris.").language == "French"
    assert country("The Netherlands") == country("Holland") == country_of("The Hague")
    assert country("USA") is country("the United States")
    assert country_of("Atlantis") is None
    assert country("") is None
