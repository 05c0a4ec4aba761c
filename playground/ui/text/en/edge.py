"""English: what the server refuses before anything else."""

TEXT = {
    "edge_host": "This page is not served under the name {name}. Open it by the host's address, or "
    "have the host allow the name: PLAYGROUND_HOSTS={name}",
    "edge_route": "There is nothing here.",
    "edge_method": "Only GET and POST are answered here.",
    "edge_slow": "This came too slowly and was broken off. Try again with a better connection.",
    "edge_large": "This is larger than {limit} MB, the most that is taken here. Send less.",
    "edge_json": "This is not JSON: send a JSON text in UTF-8, without NaN or Infinity.",
    "edge_surrogate": "The text holds half a character (a lone surrogate). Remove it.",
    "edge_deep": "The JSON is nested more than {limit} deep. Send something flatter.",
    "edge_values": "The JSON has more than {limit} values. Send fewer at a time.",
    "edge_files": "Uploads hold files only. Send no other fields.",
    "edge_left": "The upload was broken off.",
    "edge_kind": "Uploads come as multipart/form-data, everything else as JSON.",
    "edge_uploads": "{limit} uploads are taken from one address at a time, and many wait already. "
    "Try again in a minute.",
    "edge_disk": "The host's disk is almost full (less than {limit} GB are free): no files are "
    "taken at the moment. Tell the host, or try again later.",
    "edge_event": "The page has changed since you opened it. Reload it: nothing of yours is lost.",
    "edge_session": "{limit} requests of yours wait here already. Wait until some are answered.",
    "edge_address": "{limit} requests from your address wait here already. Wait until some are answered.",
    "edge_busy": "Too many requests wait here. Try again in a minute: nothing of yours is lost.",
    "edge_types": "What was sent does not fit this page (value {place}). Reload the page and try again.",
    "edge_empty": "Fill in {name}: it is empty.",
    "edge_count": "{wanted} values are needed here, and {given} were sent.",
}
