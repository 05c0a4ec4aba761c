"""Korean of the Learn tab."""

TEXT = {
    "tab_guide": "배우기",
    "guide_intro": (
        "이 놀이터가 다루는 것을 장마다 설명합니다. 같은 글이 문서 탭의 자료이기도 하니, 거기서 물어보세요."
    ),
    "guide_wait": "장을 고르세요.",
    "guide_try": "해 보기 ▸",
    "guide_minutes": "{n}분",
    "guide_group_start": "시작",
    "guide_group_model": "모델이란",
    "guide_group_weights": "가중치 바꾸기",
    "guide_group_training": "학습",
    "guide_group_retrieval": "검색",
    "guide_chapter": "장",
}
