"""make_pieces.py FOLDER: a fairseq folder of sizes without weights: architecture.json, dict.txt, sentencepiece.bpe.model."""

import json
import random
import sys
from pathlib import Path

import sentencepiece

WORDS = ["fine", "lovely", "bright", "dull", "awful", "grey", "so", *(f"w{n}" for n in range(40))]

folder = Path(sys.argv[1])
folder.mkdir(parents=True)
generator = random.Random(0)
lines = [" ".join(generator.choices(WORDS, k=8)) for _ in range(400)]
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(lines), model_prefix=str(folder / "made"), vocab_size=70, model_type="bpe", minloglevel=2
)
(folder / "made.vocab").unlink()
(folder / "made.model").rename(folder / "sentencepiece.bpe.model")
pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sentencepiece.bpe.model"))
symbols = [pieces.id_to_piece(number) for number in range(3, pieces.get_piece_size())]
(folder / "dict.txt").write_text("".join(f"{symbol} 1\n" for symbol in symbols))
sizes = {"encoder_layers": 2, "encoder_embed_dim": 32, "encoder_ffn_embed_dim": 64, "encoder_attention_heads": 2}
(folder / "architecture.json").write_text(json.dumps({**sizes, "max_positions": 64}))
