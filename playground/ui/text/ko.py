"""Korean."""

from playground.ui.text.ko_adapters import ADAPTERS
from playground.ui.text.ko_documents import DOCUMENTS
from playground.ui.text.ko_documents import MESSAGES as OF_DOCUMENTS
from playground.ui.text.ko_lab import LAB
from playground.ui.text.ko_lab import MESSAGES as OF_LAB
from playground.ui.text.ko_lab_report import LAB_REPORT
from playground.ui.text.ko_lab_report import MESSAGES as OF_LAB_REPORT
from playground.ui.text.ko_merge import MERGE
from playground.ui.text.ko_messages import MESSAGES as OF_WEIGHTS
from playground.ui.text.ko_weights import WEIGHTS

__all__ = ["MESSAGES", "TEXT"]

MESSAGES = OF_WEIGHTS | OF_DOCUMENTS | OF_LAB | OF_LAB_REPORT

TEXT = {
    # The page
    "title": "# 가중치 놀이터\n가중치를 고칠까요, 미세 조정을 할까요, 아니면 검색할까요? "
    "내 질문으로 직접 해 보고 재 보세요.",
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
    # What the server refuses before anything else
    "edge_host": "이 페이지는 {name}(이)라는 이름으로 열 수 없습니다. 호스트의 주소로 열거나, 호스트에서 "
    "이 이름을 허용하세요: PLAYGROUND_HOSTS={name}",
    "edge_route": "여기에는 아무것도 없습니다.",
    "edge_method": "GET과 POST에만 답합니다.",
    "edge_slow": "너무 느리게 와서 끊었습니다. 연결이 나은 곳에서 다시 시도하세요.",
    "edge_large": "받을 수 있는 최대 크기인 {limit} MB보다 큽니다. 더 적게 보내세요.",
    "edge_json": "JSON이 아닙니다. NaN이나 Infinity가 없는 UTF-8 JSON을 보내세요.",
    "edge_surrogate": "텍스트에 반쪽짜리 문자(짝 없는 서로게이트)가 있습니다. 지우세요.",
    "edge_deep": "JSON이 {limit}단계보다 깊습니다. 더 평평하게 보내세요.",
    "edge_values": "JSON의 값이 {limit}개를 넘습니다. 나누어 보내세요.",
    "edge_files": "업로드에는 파일만 담을 수 있습니다. 다른 필드는 빼세요.",
    "edge_left": "업로드가 중간에 끊겼습니다.",
    "edge_kind": "업로드는 multipart/form-data로, 나머지는 모두 JSON으로 보내세요.",
    "edge_uploads": "한 주소에서 한 번에 {limit}개까지만 업로드할 수 있는데 이미 많이 기다리고 있습니다. "
    "1분 뒤에 다시 시도하세요.",
    "edge_disk": "호스트의 디스크가 거의 찼습니다(남은 공간 {limit} GB 미만). 지금은 파일을 받지 않습니다. "
    "호스트에 알리거나 나중에 다시 시도하세요.",
    "edge_event": "연 뒤에 페이지가 바뀌었습니다. 새로 고침하세요. 지금까지 한 것은 그대로 있습니다.",
    "edge_session": "보낸 요청 {limit}개가 이미 기다리고 있습니다. 답이 올 때까지 기다리세요.",
    "edge_address": "같은 주소에서 온 요청 {limit}개가 이미 기다리고 있습니다. 답이 올 때까지 기다리세요.",
    "edge_busy": "기다리는 요청이 너무 많습니다. 1분 뒤에 다시 시도하세요. 지금까지 한 것은 그대로 있습니다.",
    "edge_types": "보낸 값이 이 페이지와 맞지 않습니다({place}번째 값). 새로 고침하고 다시 시도하세요.",
    "edge_count": "값 {wanted}개가 필요한데 {given}개가 왔습니다.",
    # Sidebar
    "sidebar": "내 레시피",
    "recipe_heading": "## 내 레시피\n모델 하나와, 거기에 차례로 가한 편집입니다. "
    "원래 모델은 절대 바뀌지 않습니다.",
    "model": "모델",
    "loading": "불러오는 중",
    "seconds": "({n}초)",
    "model_ready": "준비되었습니다. 가중치는 {dtype} 형식으로 올라와 있습니다.",
    "packaged_title": "이 가중치에 대하여",
    "packaged_text": "패키지에 든 가중치는 배포자가 이미 양자화한 것입니다. 선형 층은 "
    "4비트(Q4_1, 가중치 32개가 배율과 최솟값을 함께 씀), 임베딩은 8비트입니다. 그래서 같은 모양의 "
    "4비트 격자로 바꾸면 아무것도 달라지지 않고, 다른 4비트 결과는 실제보다 조금 좋아 보입니다.",
    "stack_empty": "아직 편집이 없습니다. 토큰 탭에서 토큰을 밀거나, 가중치 탭에서 행렬을 바꾸거나, 사실 실험실에서 사실을 가르치거나, 비교 탭의 예제를 "
    "눌러 보세요.",
    "stack_held": "편집 전체가 차지하는 메모리는 {bytes}입니다. 나머지는 모두 함께 씁니다.",
    "step_off": "꺼져 있음",
    "step_not_built": "만들어지지 않음",
    "step_switch_off": "끄기",
    "step_switch_on": "켜기",
    "step_remove": "빼기",
    "undo": "되돌리기",
    "redo": "다시 하기",
    "reset": "처음으로",
    "save": "저장",
    "load": "열기",
    "receipt": "바뀐 텐서 {tensors}개 ({change} %). {bytes} 차지, {seconds} 걸림.",
    "title_nudge_toward": "“{text}” → “{target}” 쪽으로, 세기 {strength}",
    "title_nudge_away": "“{text}” ← “{target}”에서 멀리, 세기 {strength}",
    "title_nudge_random": "“{text}” 무작위 방향으로, 세기 {strength}",
    "title_nudge_scale": "“{text}” 크기 {strength}배",
    # Tokens
    "tokens_intro": "모델은 글을 **토큰**으로 나누어 읽습니다. 토큰은 글 조각이고, 저마다 번호(id)와 "
    "숫자 한 줄, 곧 **임베딩**이 있습니다. 토큰을 눌러 그 줄을 들여다본 다음 밀어 보세요.",
    "tokens_text": "낱말이나 문장 (Enter로 확인)",
    "chips_label": "내 글의 토큰",
    "token_facts": "토큰 {id}: 숫자 {size}개로 된 줄, 길이(노름) {norm}",
    "strip_alt": "“{text}”의 임베딩을 색 띠로 나타낸 그림",
    "strip_legend": "숫자 하나가 줄무늬 하나입니다. 0보다 작으면 파랑, 크면 주황입니다.",
    "blank_nothing": "(빈 토큰)",
    "blank_line": "줄 끝",
    "blank_space": "빈칸",
    "column_token": "토큰",
    "column_id": "번호",
    "column_cosine": "코사인",
    "column_before": "전 (원래 모델)",
    "column_after": "후 (내 레시피)",
    "column_change": "변화",
    "neighbours_caption": "가장 가까운 토큰. 방향이 같으면 코사인이 1입니다. "
    "누르면 그 토큰으로 옮겨 갑니다.",
    "map_title": "토큰과 이웃을 평면에 펼친 지도 (차이의 {share} %를 보여 줌)",
    "map_neighbours": "이웃",
    "map_before": "전",
    "map_after": "후",
    "token_in_part": "이 토큰은 글자 하나의 일부라서 따로 칠 수 없습니다. "
    "낱말 전체를 써서 그 토큰을 모두 미세요.",
    "nudge_heading": "### 밀어 보기",
    "nudge_text": "밀 글 (앞의 빈칸도 구별합니다)",
    "nudge_direction": "방향",
    "direction_toward": "낱말 쪽으로",
    "direction_away": "낱말에서 멀리",
    "direction_random": "무작위",
    "direction_scale": "크기 바꾸기",
    "nudge_target": "목표 낱말",
    "nudge_target_info": "쪽으로와 멀리에 씁니다",
    "nudge_strength": "세기",
    "nudge_strength_info": "쪽으로: 0이면 그대로, 1이면 목표에 닿습니다. 크기: 1이면 그대로입니다.",
    "nudge_side": "쪽",
    "nudge_side_info": "입력: 토큰을 어떻게 읽는가. 출력: 토큰을 얼마나 쉽게 쓰는가.",
    "side_both": "둘 다",
    "side_input": "입력",
    "side_output": "출력",
    "nudge": "밀기",
    "preview": "미리보기입니다. 남기려면 밀기를 누르세요.",
    "nudge_prompt": "이어 쓸 글 (Enter로 확인)",
    "bars_caption": "다음에 올 만한 토큰. 변화는 퍼센트포인트입니다.",
    "bars_empty": "위에 문장의 앞부분을 쓰면 모델이 다음에 무엇을 예상하는지 보입니다.",
    "write_on": "전과 후로 이어 쓰기",
    # Documents
    "documents_intro": "**검색**은 단락을 찾아 질문 앞에 놓습니다. 그래서 모델이 배운 적 없는 것도 "
    "읽을 수 있습니다. 낱말로 찾는 것과 뜻으로 찾는 것을 견주어 보세요.",
    "corpus": "문서 (말뭉치)",
    "own_documents": "내 문서",
    "sample_question": "이 문서의 질문 골라 보기",
    "query": "찾을 것",
    "passages_k": "단락 수 (k)",
    "search": "찾기",
    "bm25_heading": "### 낱말로: BM25\n같은 낱말을 세되 드문 낱말을 더 칩니다. 점수는 합계입니다.",
    "dense_heading": "### 뜻으로: 밀집 검색\nMiniLM의 임베딩을 견줍니다. 영어만 읽습니다. "
    "점수는 코사인입니다.",
    "dense_working": "뜻으로 찾는 중입니다… 처음에는 검색 모델을 불러옵니다.",
    "hits_none": "같은 낱말이 든 단락이 없습니다. 다른 낱말이나 다른 검색을 써 보세요.",
    "hit_score": "점수 {score}",
    "own_heading": "내 문서",
    "own_intro": "텍스트, 마크다운, PDF, 워드, CSV, JSON Lines(줄마다 `text` 항목), HTML 파일이나 그것을 담은 .zip을 더하세요. "
    "문서는 많아야 30개, 하나에 20 MB, 글은 모두 3 MB, 낱말 약 120,000개입니다. 저장한 모음(.json)은 새 모음으로 열립니다. 읽지 못한 것은 따로 알려 줍니다. 나만 찾을 수 있고, 7일 동안 쓰지 않으면 지워집니다.",
    "other_tab": "다른 탭에서 레시피가 바뀌었습니다. 마지막에 바꾼 것이 남습니다.",
    "other_tab_take": "그 레시피로 바꾸기",
    "other_tab_keep": "이 레시피 그대로 두기",
    "own_files": "파일",
    "file_refused": "{names}: 여기에서는 쓸 수 없는 파일입니다. 쓸 수 있는 파일의 끝: {kinds}",
    "own_none": "아직 내 문서가 없습니다.",
    "own_there": "내 문서: {names} (단락 {passages}개). 목록에서는 “내 문서”입니다.",
    "own_encoding": "{name}: {encoding}(으)로 읽었습니다. 글자가 깨졌다면 메뉴에서 다른 인코딩을 고르고 파일을 다시 더하세요.",
    "own_encoding_menu": "텍스트 파일의 인코딩",
    "own_encoding_info": "다음에 더하는 파일부터 적용됩니다. 워드와 PDF 파일에는 인코딩이 적혀 있습니다.",
    "own_encoding_auto": "알아서 찾기",
    "own_unreadable": "{name}: {pages}쪽에서 글을 얻지 못했습니다.",
    "own_forget": "이 모음 지우기",
    # Compare
    "compare_intro": "질문 하나에 여러 참가자가 답합니다. 누구의 가중치로, 어떤 단락을 보고 답하는지 "
    "고르세요. 첫 답에 없는 낱말에는 밑줄이 있습니다. 예제로 시작해 보세요.",
    "example_retrieve": "모델이 알 수 없는 사실: 검색이 찾아냅니다",
    "example_changes": "답을 바꾸는 밀기",
    "example_breaks": "같은 밀기가 다른 답을 망칩니다",
    "prompt": "질문",
    "compare": "비교하기",
    "contestants": "참가자",
    "columns": "몇 명",
    "weights_of_1": "1: 누구의 가중치",
    "weights_of_2": "2: 누구의 가중치",
    "weights_of_3": "3: 누구의 가중치",
    "weights_of_4": "4: 누구의 가중치",
    "weights_of_5": "5: 누구의 가중치",
    "weights_of_6": "6: 누구의 가중치",
    "weights_base": "원래 모델",
    "weights_mine": "내 레시피",
    "retrieval": "검색",
    "retriever_none": "없음",
    "retriever_bm25": "BM25",
    "retriever_dense": "밀집",
    "retriever_hybrid": "혼합",
    "new_tokens": "새 토큰 최대",
    "temperature": "온도",
    "temperature_info": "0이면 늘 가장 그럴듯한 토큰을 고르고, 클수록 다양해집니다.",
    "answer_figures": "토큰 {tokens}개, {seconds}, 초당 {rate}개 (질문: 토큰 {prompt}개)",
    "answer_passages": "쓴 단락 ({count})",
    "answer_supported": "단락에 있는 말: 낱말의 {share}",
    "answer_supported_info": "표시한 것은 단락에 잇달아 나오는 같은 낱말이나, 단락에도 있는 수와 긴 낱말입니다. 나머지는 가중치에서 나왔거나 다른 말로 바뀐 것입니다.",
    "answer_source": "{rank}번 단락: {passage}",
    "take_away": "빼 보기",
    "without": "{passage} 없이",
    "without_info": "같은 질문을 모든 단락과, 그리고 {passage} 없이 물었습니다. 달라진 것은 그 단락에서, 그대로인 것은 다른 단락이나 가중치에서 왔습니다.",
    "answer_prompt": "보낸 질문 그대로",
    **WEIGHTS,
    **ADAPTERS,
    **DOCUMENTS,
    **LAB,
    **LAB_REPORT,
    **MERGE,
}
