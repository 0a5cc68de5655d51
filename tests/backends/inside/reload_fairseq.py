"""reload_fairseq.py RUN DATA: the test split's logits by fairseq alone, from the checkpoint of a finished run, one at a time.

Prints the largest difference from the run's predictions.  For checkpoints whose texts SentencePiece coded.
"""

import json
import sys
from pathlib import Path

import seedwise_fairseq.compat  # noqa: F401

# isort: split
import sentencepiece
import torch
from fairseq.models.roberta import RobertaModel

run, folder = Path(sys.argv[1]), str(Path(sys.argv[1], "checkpoint"))
spec = json.loads((run / "spec.json").read_text())
rows = Path(sys.argv[2], spec["task"]["splits"]["test"]["file"]).read_text().splitlines()
predictions = (run / "predictions" / "test.jsonl").read_text().splitlines()
interface = RobertaModel.from_pretrained(folder, "model.pt", folder, bpe=None).eval()
pieces = sentencepiece.SentencePieceProcessor(model_file=folder + "/sentencepiece.bpe.model")
dictionary, head = interface.task.source_dictionary, "sentence_classification_head"
largest = 0.0
for row, prediction in zip(rows, predictions, strict=True):
    text = [dictionary.index(piece) for piece in pieces.encode(json.loads(row)["text"], out_type=str)]
    tokens = torch.tensor([[0, *text[: spec["recipe"]["max_length"] - 2], 2]])
    with torch.no_grad():
        logits = interface.model(tokens, features_only=True, classification_head_name=head)[0][0].tolist()
    largest = max(largest, *(abs(a - b) for a, b in zip(logits, json.loads(prediction)["scores"], strict=True)))
print(largest)
