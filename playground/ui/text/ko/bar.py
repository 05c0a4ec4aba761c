"""Korean: the bar."""

TEXT = {
    "speaks_before": "전:",
    "crumbs_base": "원래 모델",
    "crumbs_empty": "아직 편집 없음",
    "recipe_open": "레시피",
    "recipe_heading": "## 내 레시피\n모델 하나와, 거기에 차례로 가한 편집입니다. 원래 모델은 절대 바뀌지 않습니다.",
    "model": "모델",
    "loading": "불러오는 중",
    "seconds": "({n}초)",
    "model_ready": "준비되었습니다. 가중치는 {dtype} 형식으로 올라와 있습니다.",
    "packaged_title": "이 가중치에 대하여",
    "packaged_text": "패키지에 든 가중치는 배포자가 이미 양자화한 것입니다. 선형 층은 "
    "4비트(Q4_1, 가중치 32개가 배율과 최솟값을 함께 씀), 임베딩은 8비트입니다. 그래서 같은 모양의 "
    "4비트 격자로 바꾸면 아무것도 달라지지 않고, 다른 4비트 결과는 실제보다 조금 좋아 보입니다.",
    "stack_held": "편집 전체가 차지하는 메모리는 {bytes}입니다. 나머지는 모두 함께 씁니다.",
    "undo": "되돌리기",
    "redo": "다시 하기",
    "reset": "처음으로",
    "save": "저장",
    "load": "열기",
    "title_nudge_toward": "“{text}” → “{target}” 쪽으로, 세기 {strength}",
    "title_nudge_away": "“{text}” ← “{target}”에서 멀리, 세기 {strength}",
    "title_nudge_random": "“{text}” 무작위 방향으로, 세기 {strength}",
    "title_nudge_scale": "“{text}” 크기 {strength}배",
}
