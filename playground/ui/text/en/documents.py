"""English of the Documents tab."""

TEXT = {
    "ask_with_these": "Ask with these documents",
    "documents_intro": "**Retrieval** looks up passages and puts them before your question, so "
    "the model can read what it never learned. Compare a search by words with one by meaning.",
    "corpus": "Documents (corpus)",
    "own_documents": "My own documents",
    "sample_question": "Try one of its questions",
    "query": "What to look for",
    "passages_k": "Passages (k)",
    "search": "Search",
    "heading_bm25": "### By words: BM25\nCounts shared words, rare ones more. The score is a sum.",
    "heading_dense": "### By meaning: dense\nCompares embeddings by MiniLM, which reads English "
    "only. The score is a cosine.",
    "dense_working": "Searching by meaning… The first time, its model is loaded.",
    "hits_none": "No passage shares a word with this. Try other words, or the other search.",
    "own_heading": "Your own documents",
    "own_intro": "Add text, Markdown, PDF, Word, CSV, JSON Lines (a `text` field on each line) or "
    "HTML files, or a .zip of them: at most 30 documents, 20 MB each, 3 MB and about 120,000 words "
    "of text together. A collection that you saved (.json) opens as a new one. What cannot be read "
    "is listed. Only you can search them; unused, they are deleted after 7 days.",
    "own_files": "Files",
    "own_none": "No documents of your own yet.",
    "own_there": "Yours: {names} ({passages} passages). Listed as “My own documents”.",
    "own_encoding": "{name} was read as {encoding}. If its letters are wrong, choose another "
    "encoding in the menu and add the file again.",
    "own_encoding_menu": "Encoding of text files",
    "own_encoding_info": "Holds for the next files that you add. Word and PDF files tell theirs.",
    "own_encoding_auto": "Find out",
    "own_unreadable": "{name}: {pages} pages gave no text.",
    "own_forget": "Delete this collection",
    "heading_hybrid": ("### By both: hybrid\nWhat either ranks high comes first. The score counts ranks."),
    "search_options": "How to search",
    "search_options_info": (
        "The usual values suit most documents. Change one, search again, and see what moves; "
        "**How well does it find?** below measures it."
    ),
    "bm25_variant": "BM25 variant",
    "bm25_okapi": "Okapi, the usual one",
    "bm25_l": "L: kinder to long passages",
    "bm25_plus": "Plus: any match counts at least one",
    "bm25_k1": "k1: how much repeats add",
    "bm25_k1_info": "0: a word counts once, however often it stands there.",
    "bm25_b": "b: how much length counts against",
    "bm25_b_info": "0: not at all. 1: fully.",
    "split": "Words are compared",
    "split_usual": "as usual: plain for BM25, by stem for hybrid",
    "split_words": "as they are",
    "split_stems": "by their English stem (boats = boat)",
    "split_morphemes": "by stem, Korean by morphemes",
    "fusion": "Hybrid joins",
    "fusion_rrf": "ranks (reciprocal rank fusion)",
    "fusion_weighted": "scores (weighted sum)",
    "diversity": "Diversity",
    "diversity_info": "Holds back a passage that repeats a better one (MMR).",
    "rerank": "Re-rank the best 20 with a cross-encoder",
    "rerank_info": "Reads question and passage together: slower, often better. From the Hub.",
    "split_as": "Looked for: {terms}",
    "hit_why": "Why this score?",
    "terms_caption": "What each word adds to passage {rank}: rarity (idf) × occurrences (tf)",
    "term": "Word",
    "term_idf": "idf",
    "term_count": "Here",
    "term_tf": "tf",
    "term_adds": "Adds",
    "hit_rank": "{name}: place {rank}",
    "hit_no_rank": "{name}: not found",
    "stage_tokenise": "words",
    "stage_embed": "embedding the question",
    "stage_dense": "comparing embeddings",
    "stage_fuse": "joining",
    "stage_rerank": "re-ranking",
    "stage_diversify": "diversity",
    "bm25s_serves": "So many passages are searched by bm25s, whose scores are computed ahead.",
    "evaluate_heading": "How well does it find?",
    "evaluate_intro": (
        "Asks every question that comes with these documents and sees how high each search ranks "
        "the passage with the answer. **recall@k**: the share found among the first k. **MRR**: 1 "
        "for first place, ½ for second, and so on, in the mean. **nDCG@10**: the same idea, places "
        "further down counting less and less."
    ),
    "evaluate": "Evaluate",
    "evaluate_save": "Save as CSV",
    "evaluate_none": (
        "None of these questions says where its answer stands (a quote), so finding cannot be "
        "measured. The answers can."
    ),
    "evaluate_stopped": "Stopped before all questions were asked.",
    "evaluate_chart": "nDCG@10 over all questions with an answer",
    "evaluate_caption": "Evidence found, by kind of question",
    "evaluate_options": "Measured with the settings above, 20 passages a question.",
    "evaluate_questions_some": (
        "All {count} questions, one by one; {without} of them have no answer here and are not in the figures"
    ),
    "evaluate_questions": "All {count} questions, one by one",
    "question_kind": "Kind",
    "questions": "Questions",
    "search_time": "Median time",
    "asked_all": "all",
    "asked_keyword": "same words",
    "asked_paraphrase": "other words",
    "asked_unanswerable": "not in the documents",
    "no_evidence": "none of these documents",
    "found_at": "found at place {rank}",
    "found_never": "not among the first 20",
    "found_unanswerable": "nothing to find; brought all the same",
    "evidence_in": "The answer stands in: {passages}.",
    "encoder": "Embeddings from",
    "encoder_info": "Another encoder embeds the documents anew, once.",
    "questions_heading": "Ask your own questions",
    "questions_intro": (
        "A CSV file in UTF-8 whose first line names its columns: **question**, and perhaps "
        "**answer**, **document**, **quote** (words of the document, copied, that answer it) and "
        "**kind** (keyword, paraphrase, unanswerable). It takes the place of the questions that "
        "come with the documents."
    ),
    "questions_file": "Questions (CSV)",
    "right_answer": "Right answer: {answer}",
    "stage_prompt": "prompt",
    "stage_first_token": "first token",
    "stage_rest": "the rest of the answer",
    "own_which": "Collection in use",
    "own_which_info": "Files are added to this one.",
    "own_title": "Its name",
    "own_new": "Start a new one",
    "own_rename": "Rename",
    "own_save": "Save to a file",
    "own_unused": "You have {count} collections, none in use. Choose one, or add files.",
    "own_begun": "The next files that you add make a new collection.",
    "passages_heading": "Look at the passages",
    "passages_intro": (
        "Documents are cut into **passages**, which are what is searched and what goes into a "
        "prompt. Here are their borders. In your own documents you can press one to change it."
    ),
    "passages_document": "Document",
    "passages_page": "Page",
    "passage_text": "Passage",
    "passage_chosen": "Passage {passage}",
    "passage_text_info": "To split it, put the cursor where the second part begins.",
    "passage_save": "Keep the change",
    "passage_split": "Split at the cursor",
    "passage_drop": "Drop it",
    "passage_undo": "Undo, or redo, the last change",
    "corpus_copy": "Copy to my own documents, to change them",
    "cut_intro": (
        "**Cut in another way.** Borders put by hand are lost and dropped passages come back; changed words stay."
    ),
    "cut_by": "Passages are",
    "cut_paragraphs": "whole paragraphs that fit",
    "cut_sentences": "so many sentences",
    "cut_tokens": "so many tokens",
    "cut_headings": "whole sections",
    "cut_size": "Words at most",
    "cut_unit_paragraphs": "Words at most",
    "cut_unit_sentences": "Sentences",
    "cut_unit_tokens": "Tokens, as MiniLM counts them",
    "cut_unit_headings": "Words at most",
    "cut_overlap": "Overlap",
    "cut_overlap_info": "How much each repeats of the one before; at most half.",
    "cut": "Cut all documents",
    "order": "Order",
    "order_best_first": "best first",
    "order_best_last": "best last, next to the question",
    "budget": "Tokens for passages",
    "template": "Template",
    "context_cut": "Left out, as they do not fit: {passages}",
    "context_shortened": "The best passage does not fit: only its start is in the prompt.",
    "example_poisoned": "A poisoned passage",
    "evaluate_answers": (
        "Finding is half of it. Whether the **answers** are right, with other weights too, is asked on the Compare "
        "page: [Many questions at once ▸](#compare)"
    ),
}
