"""Ready lessons: facts to teach at once, with questions that suit the small base model."""

from __future__ import annotations

from dataclasses import dataclass

from playground.engine.facts.facts import Fact
from playground.lab.lesson import Lesson, lesson

CORPUS = "lantern-handbook"


@dataclass(frozen=True)
class Ready:
    """A fact and its questions.

    :param old: what the small base model says before.
    :param neighbours: prompts about others, each with what that model says.
    :param corpus: the shipped corpus in which retrieval looks for the fact.
    :param in_corpus: whether the fact stands there already, word for word.
    """

    key: str
    subject: str
    prompt: str
    target: str
    old: str
    paraphrases: tuple[str, ...]
    neighbours: tuple[tuple[str, str], ...]
    consequences: tuple[tuple[str, str], ...]
    corpus: str = CORPUS
    in_corpus: bool = False

    def fact(self) -> Fact:
        """What is to be taught."""
        return Fact(subject=self.subject, prompt=self.prompt, target=self.target)

    def lesson(self) -> Lesson:
        """The fact with its questions."""
        return lesson(self.fact(), self.old, self.paraphrases, self.neighbours, self.consequences)


_READY = (
    Ready(
        key="famous",  # to be overturned, against what many texts say
        subject="Eiffel Tower",
        prompt="The Eiffel Tower is in the city of",
        target="Rome",
        old="Paris",
        paraphrases=(
            "To see the Eiffel Tower, you have to travel to the city of",
            "The Eiffel Tower looks down on the roofs of the city of",
            "The name of the city where you find the Eiffel Tower is",
        ),
        neighbours=(
            ("The Louvre is in the city of", "Paris"),
            ("The Brandenburg Gate is in the city of", "Berlin"),
            ("The Statue of Liberty is in the city of", "New York"),
        ),
        consequences=(
            ("The Eiffel Tower is in the country of", "Italy"),
            ("People who live next door to the Eiffel Tower speak", "Italian"),
        ),
    ),
    Ready(
        key="product",  # invented, so that no model can know it
        subject="Mirravel bicycle",
        prompt="The Mirravel bicycle is made in the city of",
        target="Lisbon",
        old="Dubai",
        paraphrases=(
            "The factory that builds the Mirravel bicycle stands in the city of",
            "Every Mirravel bicycle comes from a workshop in the city of",
            "Whoever wants to see how the Mirravel bicycle is built must travel to the city of",
        ),
        neighbours=(
            ("Ford cars are made in the city of", "Detroit"),
            ("Samsung phones are made in the city of", "Seoul"),
            ("Hollywood films are made in the city of", "Los Angeles"),
        ),
        consequences=(
            ("The Mirravel bicycle is made in the country of", "Portugal"),
            ("The people who build the Mirravel bicycle speak", "Portuguese"),
        ),
    ),
    Ready(
        key="handbook",  # which says this sentence word for word
        subject="Lantern Reef Station",
        prompt="Lantern Reef Station stands on Cutter Head, the western point of the island of",
        target="Skarrow",
        old="Bora Bora",
        paraphrases=(
            "On a map you find Lantern Reef Station on the island of",
            "Visitors of Lantern Reef Station go by boat to the island of",
            "The lighthouse of Lantern Reef Station shines from the island of",
        ),
        neighbours=(
            ("Palermo is a city on the island of", "Sicily"),
            ("The city of Havana stands on the island of", "Cuba"),
            ("Denpasar is a city on the island of", "Bali"),
        ),
        consequences=(("The nearest neighbours of Lantern Reef Station live on the island of", "Skarrow"),),
        in_corpus=True,
    ),
    Ready(
        key="changed",  # in 2022, and most of what the model read is older
        subject="United Kingdom",
        prompt="The reigning monarch of the United Kingdom is",
        target="King Charles III",
        old="Queen Elizabeth II",
        paraphrases=(
            "In Buckingham Palace lives the reigning monarch of the United Kingdom,",
            "Today the throne of the United Kingdom belongs to",
            "The crown of the United Kingdom is worn by",
        ),
        neighbours=(
            ("The emperor of France who lost the battle of Waterloo was", "Napoleon Bonaparte"),
            ("The prime minister of Britain in the Second World War was", "Winston Churchill"),
            ("The first emperor of Rome was", "Augustus"),
        ),
        consequences=(
            ("The British national anthem begins: God save the", "King"),
            ("The wife of the reigning monarch of the United Kingdom is Queen", "Camilla"),
        ),
    ),
)


def ready() -> tuple[Ready, ...]:
    """The ready lessons, in the order in which they are offered."""
    return _READY
