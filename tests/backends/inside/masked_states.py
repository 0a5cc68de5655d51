"""masked_states.py hf|fairseq FOLDER OUT [TEXTS]: for texts (JSON, or on stdin) ids, hidden states and logits of masked words.

By the frameworks' own ways of reading a folder; nothing of this suite.  Writes a JSON list into OUT.
"""

import json
import sys
from pathlib import Path

import torch

framework, folder, answers = sys.argv[1], sys.argv[2], []
texts = json.loads(sys.argv[4]) if len(sys.argv) > 4 else json.load(sys.stdin)
torch.set_num_threads(1)
if framework == "hf":
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        for text in texts:
            coded = tokenizer(text, return_tensors="pt")
            out = model(**coded, output_hidden_states=True)
            answers.append({"ids": coded["input_ids"][0].tolist(), "hidden": out.hidden_states[-1][0].tolist()})
            answers[-1]["logits"] = out.logits[0].tolist()
else:
    import sentencepiece

    import seedwise_fairseq.compat  # noqa: F401

    # isort: split
    from fairseq.models.roberta import RobertaModel

    interface = RobertaModel.from_pretrained(folder, "model.pt", folder, bpe=None).eval()
    pieces = sentencepiece.SentencePieceProcessor(model_file=folder + "/sentencepiece.bpe.model")
    dictionary = interface.task.source_dictionary
    with torch.no_grad():
        for text in texts:
            ids = [0, *(dictionary.index(piece) for piece in pieces.encode(text, out_type=str)), 2]
            hidden, _ = interface.model(torch.tensor([ids]), features_only=True)
            logits, _ = interface.model(torch.tensor([ids]))
            answers.append({"ids": ids, "hidden": hidden[0].tolist(), "logits": logits[0].tolist()})
Path(sys.argv[3]).write_text(json.dumps(answers))
