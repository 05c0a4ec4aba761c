"""Korean: what the server refuses before anything else."""

TEXT = {
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
    "edge_empty": "“{name}” 칸이 비어 있습니다. 채우세요.",
    "edge_count": "값 {wanted}개가 필요한데 {given}개가 왔습니다.",
}
