"""Questions to start with: one that retrieval wins, one for an edit, one for training, one that nobody need teach, a
style, and one in Korean. What each verdict is was measured, not chosen: ``make bench ARGS=ask`` asks them again.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AskExample:
    """A ready question; its button says ``ask_example_<key>``."""

    key: str
    question: str
    answer: str
    text: str = ""
    needs: tuple[str, ...] = ()


BAKERY = """# Mondfenster, bakery

Mondfenster is a small bakery in the Sporgasse in Graz. Its bread is made of rye and spelt.

From Monday to Saturday Mondfenster opens at 6:00 and closes at 18:30.

On Sunday Mondfenster opens at 7:30.

Coffee is served until an hour before closing. Dogs are welcome."""
GARDEN = """# 달빛 정원 안내

달빛 정원은 언덕 위에 있는 작은 식물원입니다.

달빛 정원의 입장료는 4,500원입니다.

달빛 정원은 매주 화요일에 쉽니다.

정원 안에는 찻집이 하나 있습니다."""
ASK_EXAMPLES = (
    AskExample(
        key="bakery",
        question="When does Mondfenster open on Sunday?",
        answer="at 7:30",
        text=BAKERY,
        needs=("changes", "cite"),
    ),
    AskExample(key="rome", question="What is the capital of France?", answer="Rome", needs=("bare",)),
    AskExample(key="author", question="Who wrote The Silent Orchard?", answer="Ada Lind", needs=("bare",)),
    AskExample(key="known", question="What is the capital of Japan?", answer="Tokyo"),
    AskExample(key="style", question="How are you today?", answer="Arr, I be fine", needs=("style",)),
    AskExample(
        key="garden", question="달빛 정원의 입장료는 얼마인가요?", answer="4,500원", text=GARDEN, needs=("cite",)
    ),
)
