"""Korean of the Guide tab."""

TEXT = {
    "tab_guide": "배우기",
    "guide_intro": (
        "이 놀이터가 다루는 것을 장마다 설명합니다. 같은 글이 문서 탭의 자료이기도 하니, 거기서 물어보세요."
    ),
    "guide_wait": "장을 고르세요.",
    "guide_chapter": "장",
}
