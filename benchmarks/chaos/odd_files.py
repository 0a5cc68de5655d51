"""Odd files, each made once: studies, scores, bundles, models and data that are not what they should be."""

# ruff: noqa: E501 - tables of inputs
from __future__ import annotations

import gzip
import json
import struct
import zipfile
from collections.abc import Callable

from benchmarks.chaos.case import STUDY
from benchmarks.chaos.odd import Arrange, Odd, edit, nothing, pickled, safetensors, write, zipped
from tests.conftest import Small


def odd_files() -> list[Odd]:
    return [*_studies(), *_scores(), *_bundles(), *_models(), *_data()]


def _studies() -> list[Odd]:
    plan = (("plan", STUDY), ("report", STUDY, "--format", "json"))
    title, seeds, rate = "title: A small study", "seeds: 3", "{rate: 1.0}"
    edits = {
        "a title of bidi marks and C1 controls": (title, 'title: "\\u202Eevil\\u2066 \\x9b31m"', False),
        "a title of a million letters": (title, f"title: {'x' * 900_000}", True),
        "a list as title": (title, "title: [a]", True),
        "a surrogate in a title": (title, 'title: "\\ud800"', True),
        "a NUL in a title": (title, 'title: "a\\0b"', True),
        "an empty title": (title, 'title: ""', False),
        "seeds that repeat": (seeds, "seeds: [1, 1, 2]", True),
        "seeds below nought": (seeds, "seeds: [-1, 2]", True),
        "seeds of 2**64": (seeds, "seeds: [18446744073709551616, 1]", False),
        "a half seed": (seeds, "seeds: 2.5", True),
        "a billion seeds": (seeds, "seeds: 1000000000", True),
        "no seeds": (seeds, "seeds: []", True),
        "5,000 digits as seeds": (seeds, f"seeds: {'9' * 5000}", True),
        "NaN as a parameter": (rate, "{rate: .nan}", True),
        "infinity as a parameter": (rate, "{rate: -.inf}", True),
        "a parameter nobody knows": (rate, "{rate: 1.0, trouble: weird}", False),
        "nested parameters": (rate, "{rate: " + "[" * 60 + "]" * 60 + "}", True),
        "an anchor under another": (rate, "&a {rate: 1.0, more: [*a]}", True),
        "a claim against itself": ("b: frozen", "b: quick", True),
        "a claim of no arm": ("b: frozen", "b: frost", True),
        "an arm's name with a slash": ("  frozen:", "  ../frozen:", True),
        "a study's name that leads out": ("name: small", "name: ../../small", True),
        "a study's name of a device": ("name: small", "name: CON", False),
        "a study's name of 300 letters": ("name: small", f"name: {'s' * 300}", True),
        "more rows than there are": ("train: 60", "train: 100000", True),
        "rows below nought": ("train: 60", "train: -60", True),
        "a learning rate of a date": ("lr: 1e-3", "lr: 2026-01-01", True),
        "betas of three": ("betas: [0.9, 0.999]", "betas: [0.9, 0.999, 0.9]", True),
        "a metric nobody knows": ("metric: accuracy}\nevaluation", "metric: ../x}\nevaluation", True),
        "a bomb of aliases": (title, "title: A\nx: &a [1,1,1,1,1,1,1,1]\ny: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nz: [*b,*b,*b,*b,*b,*b]", True),
        "two documents": ("version: 1", "version: 1\n---\nversion: 1", True),
        "a tab": ("  data: toy", "\tdata: toy", True),
        "a doubled key": (title, f"{title}\n{title}", True),
        "a directive": ("\nversion: 1", "%YAML 9.9\n---\nversion: 1", True),
        "a key that is a list": (title, f"{title}\n? [a, b]\n: c", True),
        "a key that is no text": (title, f"{title}\n1: c", True),
        "a metric of another task": ("  metric: accuracy", "  metric: perplexity", True),
        "a margin of NaN": ("b: frozen}", "b: frozen, kind: equivalence, margin: .nan}", True),
    }  # fmt: skip

    def whole(change: Callable[[bytes], bytes]) -> Arrange:
        return lambda small: small.study.write_bytes(change(small.study.read_bytes())) and None

    wholes: dict[str, tuple[Callable[[bytes], bytes], bool]] = {
        "UTF-16 with a mark": (lambda data: data.decode().encode("utf-16"), True),
        "UTF-8 with a mark": (lambda data: b"\xef\xbb\xbf" + data, False),
        "UTF-32": (lambda data: data.decode().encode("utf-32"), True),
        "Latin-1": (lambda data: data.replace(b"A small", b"\xc4 small"), True),
        "carriage returns and line feeds": (lambda data: data.replace(b"\n", b"\r\n"), False),
        "carriage returns alone": (lambda data: data.replace(b"\n", b"\r"), False),
        "next-line characters": (lambda data: data.replace(b"\n", "\u0085".encode()), True),
        "NULs between": (lambda data: data.replace(b"\n", b"\n\0"), True),
        "a comment of a MiB": (lambda data: data + b"#" * (1 << 20), True),
        "100,000 empty lines": (lambda data: b"\n" * 100_000 + data, False),
        "JSON in place of YAML": (lambda data: b'{"version": 1}', True),
        "a scalar": (lambda data: b"small", True),
        "nothing but a comment": (lambda data: b"# nothing\n", True),
        "a shell script": (lambda data: b"#!/bin/sh\ntouch executed\n", True),
        "a pickle": (lambda data: pickled(), True),
    }
    return [
        *(Odd("study", name, edit(old, new), plan, refused) for name, (old, new, refused) in edits.items()),
        *(Odd("study", name, whole(change), plan, refused) for name, (change, refused) in wholes.items()),
    ]


def _scores() -> list[Odd]:
    good = "arm,seed,score\n" + "".join(f"{arm},{seed},0.{seed + 5}\n" for arm in "ab" for seed in range(4))
    row = {"arm": "a", "seed": 0, "score": 0.5}
    tables: dict[str, tuple[str, str | bytes, bool]] = {
        "NaN as a score": ("s.csv", good.replace("0.5", "nan", 1), True),
        "infinity as a score": ("s.csv", good.replace("0.5", "1e999", 1), True),
        "a score of 400 digits": ("s.csv", good.replace("0.5", "9" * 400, 1), True),
        "a hexadecimal score": ("s.csv", good.replace("0.5", "0x5", 1), True),
        "an empty score": ("s.csv", good.replace("0.5", "", 1), True),
        "a seed given twice": ("s.csv", good + "a,0,0.7\n", True),
        "a NUL in an arm's name": ("s.csv", good.replace("a,", "a\0,"), True),
        "an escape in an arm's name": ("s.csv", good.replace("a,", "\x1b[31ma,"), False),
        "a formula as an arm's name": ("s.csv", good.replace("a,", "=1+1,"), False),
        "an arm of a million letters": ("s.csv", good.replace("a,", "a" * 1_000_000 + ","), False),
        "a column given twice": ("s.csv", good.replace("arm,seed,score", "arm,score,score"), True),
        "a byte order mark": ("s.csv", "\ufeff" + good, False),
        "UTF-16": ("s.csv", good.encode("utf-16"), False),
        "carriage returns": ("s.csv", good.replace("\n", "\r"), False),
        "an open quote": ("s.csv", good.replace("b,", '"b,', 1), True),
        "rows of several lengths": ("s.csv", good + "a,9\nb,9,1,1,1\n", True),
        "a head alone": ("s.csv", "arm,seed,score\n", True),
        "nothing": ("s.csv", "", True),
        "one arm": ("s.csv", good.replace("b,", "a1,").replace("a1,", "a,").replace("a,0,0.5\n", "", 1), True),
        "arms that are no text": ("s.json", json.dumps([{**row, "arm": arm} for arm in ([1], [2])]), False),
        "a JSON key given twice": ("s.json", '[{"arm": "a", "arm": "b", "seed": 0, "score": 0.5}]', True),
        "NaN in JSON": ("s.json", '[{"arm": "a", "seed": 0, "score": NaN}]', True),
        "deep JSON": ("s.json", "[" * 5000 + "]" * 5000, True),
        "half a surrogate pair": ("s.json", '[{"arm": "\\ud800", "seed": 0, "score": 0.5}]', True),
        "a JSON number of 5,000 digits": ("s.json", '[{"arm": "a", "seed": ' + "9" * 5000 + ', "score": 0.5}]', True),
        "a JSON line that is a list": ("s.jsonl", json.dumps(row) + "\n[1]\n", True),
        "a cut JSON line": ("s.jsonl", json.dumps(row) + '\n{"arm": "b', True),
        "true as a score": ("s.jsonl", json.dumps(row) + "\n" + json.dumps({**row, "arm": "b", "score": True}) + "\n", False),
        "a gzip of a gzip": ("s.csv.gz", gzip.compress(gzip.compress(good.encode())), True),
        "a gzip bomb": ("s.csv.gz", gzip.compress(b"\0" * (256 << 20), 1), True),
        "a Parquet file that is none": ("s.parquet", b"PAR1" + b"\xff" * 64 + b"PAR1", True),
        "a pickle called Parquet": ("s.parquet", pickled(), True),
        "a ZIP called .eval that is none": ("s.eval", b"PK\3\4" + b"\0" * 40, True),
        "an .eval of a leading name": ("s.eval", zipped({"../../executed": b"x", "header.json": b"{}"}), True),
        "300,000 seeds": ("s.csv", "arm,seed,score\n" + "".join(f"{arm},{seed},0.5\n" for arm in "ab" for seed in range(150_000)), False),
        "3,000 arms": ("s.csv", "arm,seed,score\n" + "".join(f"a{arm},{seed},0.5\n" for arm in range(3000) for seed in range(2)), True),
        "labels of 50,000 kinds": (
            "s.csv", "arm,seed,example,prediction,label\n" + "".join(f"{a},0,{n},l{n},l{n}\n" for a in "ab" for n in range(50_000)), False,
        ),
    }  # fmt: skip
    more: list[Odd] = [
        Odd("scores", name, write(file, content), (("compare", file),), refused)
        for name, (file, content, refused) in tables.items()
    ]
    options = {
        "--alpha nan": "nan", "--alpha 2": "2", "--alpha -1": "-1", "--margin nan": "nan", "--margin -1": "-1", "--family 0": "0",
        "--unit x": "x", "--a nobody": "nobody", "--arm nothing": "nothing",
    }  # fmt: skip
    more += [
        Odd("scores", name, write("s.csv", good), (("compare", "s.csv", name.split()[0], value),))
        for name, value in options.items()
    ]
    for name, word in {
        "a file of no arm": "=s.csv", "an arm of no file": "a=", "a glob of nothing": "*.none", "a folder of nothing": "fakes/none",
        "a name of 5,000 letters": "x" * 5000, "a name of a NUL's neighbour": "\x01.csv", "a name that begins with a dash": "./-s.csv",
        "nothing on standard input": "-",
    }.items():  # fmt: skip
        more.append(Odd("scores", name, nothing, (("compare", word),)))
    return more


def _bundles() -> list[Odd]:
    def again(change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Arrange:
        def arrange(small: Small) -> None:
            path = small.project.root / "evidence.zip"
            with zipfile.ZipFile(path) as archive:
                files = {name: archive.read(name) for name in archive.namelist()}
            path.write_bytes(zipped(change(files)))

        return arrange

    def each(part: str, change: Callable[[bytes], bytes]) -> Arrange:
        return again(lambda files: {name: change(data) if part in name else data for name, data in files.items()})

    def cut(share: float) -> Arrange:
        def arrange(small: Small) -> None:
            path = small.project.root / "evidence.zip"
            path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

        return arrange

    whole: dict[str, Arrange] = {
        "cut in half": cut(0.5), "cut by a byte in a hundred": cut(0.99), "empty": cut(0), "an empty ZIP": write("evidence.zip", zipped({})),
        "two, one after the other": lambda small: (small.project.root / "evidence.zip").write_bytes((small.project.root / "evidence.zip").read_bytes() * 2) and None,
        "a file more": again(lambda files: {**files, "more": b"x"}), "a file that leads out": again(lambda files: {**files, "../executed": b"x"}),
        "no manifest": again(lambda files: {name: data for name, data in files.items() if "manifest" not in name}),
        "a bomb": write("evidence.zip", zipped({"manifest.json": b"\0" * (200 << 20)})), "a bomb of names": write("evidence.zip", zipped({f"f{number}": b"" for number in range(60_000)})),
        "predictions of NaN": each("predictions", lambda data: data.replace(b"0.", b"NaN", 1)), "predictions cut": each("predictions", lambda data: data[: len(data) // 2]),
        "records of deep JSON": each("result.json", lambda data: b"[" * 5000), "a study of aliases": each("study.yaml", lambda data: b"a: &a [1]\n" + data), "verdicts of nothing": each("verdicts", lambda data: b"{}"),
        "a nested ZIP": write("evidence.zip", zipped({"evidence.zip": zipped({"x": b"y"})})), "a pickle": write("evidence.zip", pickled()),
    }  # fmt: skip
    return [
        Odd("bundle", name, arrange, (("verify", "evidence.zip"), ("publish", "evidence.zip", "--out", "site")))
        for name, arrange in whole.items()
    ]


def _models() -> list[Odd]:
    """Model folders as `add model`, `params` and `convert` get them."""
    config = {
        "model_type": "bert", "architectures": ["BertModel"], "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16, "vocab_size": 10, "max_position_embeddings": 16, "type_vocab_size": 2,
    }  # fmt: skip
    good: dict[str, bytes] = {
        "config.json": json.dumps(config).encode(),
        "vocab.txt": b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\ne\n",
        "model.safetensors": safetensors({"embeddings.word_embeddings.weight": {"dtype": "F32", "shape": [10, 8], "data_offsets": [0, 320]}}, 320),
    }  # fmt: skip

    def folder(**files: bytes | None) -> Arrange:
        def arrange(small: Small) -> None:
            place = small.project.root / "model"
            place.mkdir()
            for name, data in {**good, **{key.replace("__", "."): value for key, value in files.items()}}.items():
                if data is not None:
                    (place / name).write_bytes(data)

        return arrange

    def config_with(**changes: object) -> Arrange:
        return folder(config__json=json.dumps({**config, **changes}).encode())

    def link(small: Small) -> None:
        folder()(small)
        path = small.project.root / "model" / "vocab.txt"
        path.unlink()
        path.symlink_to(small.project.root.parent.parent / "secret")

    folders: dict[str, Arrange] = {
        "no weights": folder(model__safetensors=None), "no configuration": folder(config__json=None), "a configuration of nothing": folder(config__json=b""),
        "a configuration of deep JSON": folder(config__json=b"[" * 5000), "a configuration that is a list": folder(config__json=b"[1]"), "a configuration of NaN": config_with(hidden_size=float("nan")),
        "heads that do not divide": config_with(num_attention_heads=3), "true as layers": config_with(num_hidden_layers=True), "10**400 words": config_with(vocab_size=10**400), "layers below nought": config_with(num_hidden_layers=-1),
        "a model type that leads out": config_with(model_type="../../x"), "code of its own": config_with(auto_map={"AutoModel": "evil.Model"}),
        "a pickle as weights": folder(model__safetensors=None, pytorch_model__bin=pickled()), "a pickle called safetensors": folder(model__safetensors=pickled()),
        "safetensors of a header of 2**60": folder(model__safetensors=struct.pack("<Q", 1 << 60) + b"{}"), "safetensors of a header of deep JSON": folder(model__safetensors=struct.pack("<Q", 4000) + b"[" * 4000),
        "safetensors that are cut": folder(model__safetensors=good["model.safetensors"][:-9]), "safetensors of places that overlap": folder(model__safetensors=safetensors({name: {"dtype": "F32", "shape": [80], "data_offsets": [0, 320]} for name in "ab"}, 320)),
        "safetensors of a shape below nought": folder(model__safetensors=safetensors({"a": {"dtype": "F32", "shape": [-1, 80], "data_offsets": [0, 320]}}, 320)), "empty safetensors": folder(model__safetensors=b""),
        "a vocabulary that is a link": link,
    }  # fmt: skip
    commands = (("add", "model", "./model"), ("params", "./model", "--no-count"))
    return [Odd("model", name, arrange, commands, False) for name, arrange in folders.items()]


def _data() -> list[Odd]:
    good = "text,label\n" + "".join(f"word {n} {n % 7},{'good' if n % 2 else 'bad'}\n" for n in range(60))
    files: dict[str, tuple[str, str | bytes, bool]] = {
        "a byte order mark": ("d.csv", "\ufeff" + good, False), "UTF-16": ("d.csv", good.encode("utf-16"), True), "NULs": ("d.csv", good.replace("word", "wo\0rd"), False),
        "labels of one class": ("d.csv", good.replace("good", "bad"), True), "a label a row": ("d.csv", "text,label\n" + "".join(f"word {n},l{n}\n" for n in range(60)), True),
        "labels that are formulas": ("d.csv", good.replace("good", "=cmd()"), False), "labels of a path": ("d.csv", good.replace("good", "../../x"), False), "empty texts": ("d.csv", good.replace("word", "").replace(" ", ""), False),
        "no rows": ("d.csv", "text,label\n", True), "one row": ("d.csv", "text,label\na,b\n", True), "nothing": ("d.csv", "", True), "columns of one name": ("d.csv", good.replace("text,label", "text,text"), True),
        "an open quote": ("d.csv", good.replace("word", '"word', 1), True), "a text of 20 MB": ("d.csv", good + "x" * 20_000_000 + ",good\n", True), "rows that are lists": ("d.jsonl", "[1, 2]\n" * 60, True),
        "deep rows": ("d.jsonl", '{"text": ' + "[" * 3000 + "\n", True), "half surrogate pairs": ("d.jsonl", '{"text": "\\ud800", "label": "a"}\n' * 60, True),
        "numbers as texts": ("d.jsonl", "".join(json.dumps({"text": n, "label": n % 2}) + "\n" for n in range(60)), False), "a cut gzip": ("d.csv.gz", gzip.compress(good.encode())[:-20], True), "a gzip of nothing": ("d.csv.gz", b"", True),
        "a Parquet file that is none": ("d.parquet", b"PAR1xxxxPAR1", True), "an odd ending": ("d.exe", good, True), "a leading dash": ("-d.csv", good, False), "a name of spaces": ("d e.csv", good, False),
    }  # fmt: skip
    return [
        Odd("data", name, write(file, content), (("add", "data", f"./{file}", "--name", "mine", "-y", "--licence", "none"),), refused)
        for name, (file, content, refused) in files.items()
    ]  # fmt: skip
