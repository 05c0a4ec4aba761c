"""Korean: the page."""

TEXT = {
    "page_change": "바꾸기",
    "title": "# 가중치 놀이터",
    "no_storage": "**이 브라우저는 다른 페이지 안에 든 페이지에는 아무것도 저장하지 않습니다.** "
    "다시 불러오면 내 레시피와 문서를 찾을 수 없게 됩니다: [놀이터를 새 탭에서 여세요](./).",
    "tab_tokens": "토큰",
    "tab_documents": "문서",
    "tab_compare": "비교",
    "other_language": "English",
    "skip": "본문으로 건너뛰기",
    "stale": "바뀌기 전의 입력에 대한 결과입니다.",
    "stale_questions": "다른 사실에 관한 질문입니다. 질문을 새로 제안받거나 직접 쓰세요.",
    "error_title": "할 수 없었습니다",
    "error_unexpected": "서버 쪽에서 문제가 생겼습니다. 지금까지 한 것은 그대로 있습니다. "
    "다시 해 보거나 마지막 단계를 되돌리세요.",
    "more": "더 보기",
    "settings": "설정",
    "seed": "시드",
    "stop": "멈추기",
    "stopped": "멈췄습니다. 지금까지 쓴 글은 그대로 있습니다.",
    "other_tab": "다른 탭에서 레시피가 바뀌었습니다. 마지막에 바꾼 것이 남습니다.",
    "other_tab_take": "그 레시피로 바꾸기",
    "other_tab_keep": "이 레시피 그대로 두기",
}
