"""make_published.py FOLDER TYPE: a fairseq folder as models are published: model.pt, dict.txt, sentencepiece.bpe.model.

TYPE is 'bpe' or 'unigram'; SentencePiece normalises as it does by default.  The weights are random, LM head and biases too,
with a negative zero among them; the dictionary is in another order than the pieces, and lacks two of them.
"""

import random
import sys
from pathlib import Path

import seedwise_fairseq.compat  # noqa: F401

# isort: split
import sentencepiece
import torch
from fairseq.data import Dictionary
from fairseq.tasks.masked_lm import MaskedLMTask

from seedwise_fairseq.architecture import Architecture
from seedwise_fairseq.command import configuration
from seedwise_fairseq.conversion import words_of

WORDS = ["fine", "lovely", "bright", "dull", "awful", "grey", "so", "été", "cœur", *(f"w{n}" for n in range(40))]

folder = Path(sys.argv[1])
folder.mkdir(parents=True)
generator = random.Random(0)
lines = [" ".join(generator.choices(WORDS, k=8)) for _ in range(400)]
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(lines),
    model_prefix=str(folder / "made"),
    vocab_size=70,
    model_type=sys.argv[2],
    minloglevel=2,
)
(folder / "made.vocab").unlink()
(folder / "made.model").rename(folder / "sentencepiece.bpe.model")
pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sentencepiece.bpe.model"))
symbols = [pieces.id_to_piece(number) for number in range(3, pieces.get_piece_size())]
generator.shuffle(symbols)
dictionary = Dictionary()
for symbol in symbols[:-2]:
    dictionary.add_symbol(symbol)
dictionary.save(str(folder / "dict.txt"))
dictionary.add_symbol("<mask>")
torch.manual_seed(0)
cfg = configuration(words_of(Architecture(2, 32, 64, 2, 64, "gelu", 1e-5, 0.02)))
model = MaskedLMTask(cfg.task, dictionary).build_model(cfg.model)
with torch.no_grad():
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.1)
    model.encoder.sentence_encoder.embed_positions.weight[5, 3] = -0.0
state = {"args": cfg.model, "cfg": None, "model": model.state_dict(), "extra_state": {"train_iterator": {"epoch": 1}}}
history = {"criterion_name": "", "optimizer_name": "", "lr_scheduler_state": {"best": None}, "num_updates": 0}
torch.save({**state, "optimizer_history": [history]}, str(folder / "model.pt"))
