"""Korean: what drawings and controls say that several tabs share."""

TEXT = {
    "adapter_own": "{title} (내 것, {id})",
    "answer_figures": "토큰 {tokens}개, {seconds}, 초당 {rate}개 (질문: 토큰 {prompt}개)",
    "answer_passages": "쓴 단락 ({count})",
    "answer_supported": "단락에 있는 말: 낱말의 {share}",
    "answer_supported_info": "표시한 것은 단락에 잇달아 나오는 같은 낱말이나, 단락에도 있는 수와 긴 낱말입니다. 나머지는 가중치에서 나왔거나 다른 말로 바뀐 것입니다.",
    "answer_source": "{rank}번 단락: {passage}",
    "take_away": "빼 보기",
    "answer_prompt": "보낸 질문 그대로",
    "hit_score": "점수 {score}",
    "file_refused": "{names}: 여기에서는 쓸 수 없는 파일입니다. 쓸 수 있는 파일의 끝: {kinds}",
    "indexing": "문서를 한 번 임베딩하는 중: 약 {left} 남음",
    "stages": "걸린 시간: {parts}",
    "score_low": (
        "답이 여기 없을지도 모릅니다. 가장 높은 점수({part}: {score})가 {limit}보다 낮습니다. 이 문서가 "
        "답하지 못하는 시험 질문의 {unanswerable}가 그렇지만, 답하는 질문의 {answerable}도 그렇습니다."
    ),
    "passages_count": "단락 {count}개",
    "passage_words": "{count}어절",
    "passage_change": "단락 {passage} 고치기",
    "more_facts": "{fact} 외 {more}개",
    "stack_empty": "아직 편집이 없습니다. 토큰 탭에서 토큰을 밀거나, 가중치 탭에서 행렬을 바꾸거나, 사실 실험실에서 사실을 가르치거나, 비교 탭의 예제를 "
    "눌러 보세요.",
    "step_off": "꺼져 있음",
    "step_not_built": "만들어지지 않음",
    "step_switch_off": "끄기",
    "step_switch_on": "켜기",
    "step_remove": "빼기",
    "receipt": "바뀐 텐서 {tensors}개 ({change} %). {bytes} 차지, {seconds} 걸림.",
    "blank_nothing": "(빈 토큰)",
    "blank_line": "줄 끝",
    "blank_space": "빈칸",
    "column_token": "토큰",
    "column_before": "전 (원래 모델)",
    "column_after": "후 (내 레시피)",
    "bars_caption": "다음에 올 만한 토큰. 변화는 퍼센트포인트입니다.",
    "view_cell": "{layer}층, {role}: {value}",
    "receipt_nominal": "명목 {bits}비트.",
    "receipt_sizes": "모델 전체: 가중치당 실제 {bits}비트, 0 {zeros} %. 파일은 지금 그대로 {file}, 압축하면 {packed}.",
    "title_targets": ", 대상 {targets}",
    "step_building": "만드는 중…",
}
