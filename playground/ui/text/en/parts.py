"""English: what drawings and controls say that several tabs share."""

TEXT = {
    "said_nothing": "(nothing)",
    "said_at": "at {place}",
    "station_same": "the same answer as at {place}",
    "stations_note": "✓: the same answer as at {place}. Drag: the nearest of these places is shown at once.",
    "stations_stopped": "No more places are computed ahead.",
    "adapter_own": "{title} (yours, {id})",
    "answer_figures": "{tokens} tokens in {seconds}, {rate} tok/s (prompt: {prompt} tokens)",
    "answer_waits": "All places are taken: number {place} in line.",
    "answer_waits_about": "All places are taken: number {place} in line, about {time}.",
    "answer_passages": "Passages used ({count})",
    "mark_right": "right",
    "mark_wrong": "wrong",
    "answer_supported": "Stands in the passages: {share} of its words",
    "answer_supported_info": "Marked: the same words in a row, or a number or a longer word that a "
    "passage has too. The rest came from the weights, or was put in other words.",
    "take_away": "Take it away",
    "answer_prompt": "The exact prompt",
    "hit_score": "score {score}",
    "file_refused": "{names} cannot be used here. Allowed are files that end in {kinds}.",
    "indexing": "Embedding the documents, once: about {left} left",
    "stages": "Took: {parts}",
    "score_low": (
        "Perhaps the answer is not here: the best score ({part}: {score}) is below {limit}, as for {unanswerable} of "
        "test questions without an answer here, and {answerable} of those with one."
    ),
    "passages_count": "{count} passages",
    "passage_words": "{count} words",
    "passage_change": "Change passage {passage}",
    "more_facts": "{fact} and {more} more",
    "stack_empty": "No edits yet. Under Change, nudge a token, change matrices, attach an adapter or teach a "
    "fact; or press a ready example on Compare.",
    "step_off": "Switched off",
    "step_not_built": "Not built",
    "step_switch_off": "Switch off",
    "step_switch_on": "Switch on",
    "step_remove": "Remove",
    "receipt": "Tensors changed: {tensors} (by {change} %). Holds {bytes}, took {seconds}.",
    "blank_nothing": "(empty)",
    "blank_line": "line end",
    "blank_space": "space",
    "column_token": "Token",
    "column_before": "Before (base)",
    "column_after": "After (your recipe)",
    "bars_caption": "The likeliest next tokens. The change is in percentage points.",
    "view_cell": "Layer {layer}, {role}: {value}",
    "receipt_nominal": "{bits} bits nominal.",
    "receipt_sizes": "Whole model: {bits} bits per weight effective, {zeros} % "
    "zeros; file {file} as held, {packed} if packed.",
    "title_targets": ", in {targets}",
    "step_building": "Being built…",
}
