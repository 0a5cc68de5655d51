"""Logs of training, predictions beside a gold file, published single numbers: in the shapes that are public."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import scipy.stats

from tests.scores.field import put, refused, run, verdict

LEVELS = {"lora": 60.0, "full": 55.0}


def fairseq_json(arm: str, seed: int) -> str:
    """As `--log-format json` writes it: train and validation lines between others, numbers as text."""
    lines = ["2020-04-22 07:41:20 | INFO | fairseq_cli.train | Namespace(arch='roberta_base', seed=1)"]
    for epoch in (1, 2, 3):
        accuracy = LEVELS[arm] + 3 * epoch + seed / 2
        lines += [
            f'2020-04-22 07:4{epoch}:12 | INFO | train_inner | {{"epoch": {epoch}, "update": 0.5, "loss": "0.9", "wps": "7256.7"}}',
            f'2020-04-22 07:4{epoch}:40 | INFO | valid | {{"epoch": {epoch}, "valid_loss": "{2 - epoch / 10}", "valid_accuracy": '
            f'{accuracy}, "valid_wps": "15495.4", "valid_num_updates": "{52 * epoch}", "valid_best_accuracy": {accuracy}}}',
            f"2020-04-22 07:4{epoch}:41 | INFO | fairseq_cli.train | end of epoch {epoch} (average epoch stats below)",
            f'2020-04-22 07:4{epoch}:42 | INFO | train | {{"epoch": {epoch}, "train_loss": "1.5", "train_accuracy": 46.3}}',
        ]
    return "\n".join([*lines, "2020-04-22 07:50:00 | INFO | fairseq_cli.train | done training in 798.6 seconds"])


def fairseq_simple(arm: str, seed: int) -> str:
    lines = []
    for epoch in (1, 2, 3):
        accuracy = LEVELS[arm] + 3 * epoch + seed / 2
        lines += [
            f"| epoch 00{epoch} | loss 0.953 | nll_loss 0.024 | accuracy 60.1 | wps 7256 | num_updates {52 * epoch}",
            f"2020-07-31 08:40:22 | INFO | valid | epoch 00{epoch} | valid on 'valid' subset | loss {2 - epoch / 10} | ppl 14.12 | "
            f"accuracy {accuracy} | wps 91452.5 | num_updates {52 * epoch} | best_accuracy {accuracy}",
        ]
    return "\n".join(lines)


@pytest.mark.parametrize(("write", "suffix"), [(fairseq_json, "log"), (fairseq_simple, "log"), (fairseq_simple, "txt")])
def test_a_log_of_fairseq_asks_which_epoch_and_the_advice_works(write: object, suffix: str, tmp_path: Path) -> None:
    assert callable(write)
    for arm in LEVELS:
        for seed in range(3):
            put(tmp_path, write(arm, seed), f"{arm}_seed{seed}/train.{suffix}")
    assert "say which metric to compare with --metric; found " in refused(tmp_path)
    said = refused(tmp_path, "--metric", "valid_accuracy")
    assert "--at last or --at best" in said
    item = verdict(tmp_path, "--metric", "valid_accuracy", "--at", "last", "--a", "lora", "--b", "full")
    assert (item["n_seeds"], item["estimate"]) == ([3, 3], pytest.approx(5.0))
    assert verdict(tmp_path, "--metric", "valid_accuracy", "--where", "epoch=2")["n_seeds"] == [3, 3]
    assert verdict(tmp_path, "--metric", "valid_loss", "--at", "best")["direction"] == "lower"


def glue(folder: Path) -> list[str]:
    words = ("not_entailment", "entailment")
    gold = "index\tsentence1\tsentence2\tlabel\n" + "".join(f'{i}\tone "{i}\ttwo\t{words[i % 2]}\n' for i in range(60))
    put(folder, gold, "dev.tsv")
    for arm, good in (("lora", 9), ("full", 6)):
        for seed in range(3):
            rows = [f"{i}\t{words[(i % 2) if (i * 7 + seed * 3) % 10 < good else 1 - i % 2]}" for i in range(60)]
            put(folder, "\n".join(["index\tprediction", *rows]) + "\n", f"{arm}/seed_{seed}/RTE.tsv")
    return [str(folder / "*" / "*" / "RTE.tsv"), "--gold", str(folder / "dev.tsv")]


def test_predictions_of_glue_with_a_gold_file(tmp_path: Path) -> None:
    given = glue(tmp_path)
    item = verdict(*given, "--a", "lora", "--b", "full")
    assert (item["metric"], item["n_seeds"], item["n_examples"]) == ("accuracy", [3, 3], 60)
    assert item["estimate"] == pytest.approx(0.3, abs=0.05)
    assert verdict(*given, "--metric", "matthews", "--a", "lora", "--b", "full")["estimate"] > 0.3
    said = refused(given[0])
    assert "--gold" in said
    short = put(tmp_path, "index\tlabel\n0\tentailment\n", "short.tsv")
    assert "no such example in" in refused(given[0], "--gold", short)
    nameless = put(tmp_path, "sentence\tanswer\nx\tentailment\n", "nameless.tsv")
    assert "--label COLUMN names it" in refused(given[0], "--gold", nameless)


def test_a_gold_file_without_ids_counts_from_zero(tmp_path: Path) -> None:
    given = glue(tmp_path)
    words = ("not_entailment", "entailment")
    put(tmp_path, "sentence\tQuality\n" + "".join(f"s{i}\t{words[i % 2]}\n" for i in range(60)), "bare.tsv")
    bare = verdict(given[0], "--gold", tmp_path / "bare.tsv", "--label", "Quality")
    assert bare["p"] == verdict(*given)["p"]


def peft(folder: Path, **accuracies: float) -> Path:
    for name, accuracy in accuracies.items():
        document = {
            "run_info": {
                "created_at": "2025-06-19T21:59:33+00:00",
                "experiment_name": f"{name}/llama-3.2-3B-default",
                "train_config": {"model_id": "meta-llama/Llama-3.2-3B", "seed": 0, "batch_size": 4},
                "peft_config": {"peft_type": name.upper(), "target_modules": ["v_proj"]},
                "error_msg": "",
            },
            "train_info": {
                "accelerator_memory_max": 23137878016,
                "train_time": 1782.9,
                "status": "success",
                "metrics": [
                    {"step": 4750, "valid accuracy": 0.28, "train loss": 0.758, "tokens / sec": 6927.3},
                    {"step": 5000, "valid accuracy": 0.36, "train loss": 0.766, "tokens / sec": 6925.2},
                    {"step": 5000, "test accuracy": accuracy, "train loss": 0.766, "train total tokens": 4198051},
                ],
            },
            "meta_info": {"package_info": {"peft-version": "0.15.2.dev0"}},
        }
        put(folder, json.dumps(document), f"results/{name}--llama-3.2-3B-default.json")
    return folder / "results"


def test_single_published_accuracies_by_the_size_of_the_test_set(tmp_path: Path) -> None:
    results = peft(tmp_path, dora=694 / 1319, lora=677 / 1319)
    assert "--test-size" in run(results).stdout
    assert "--test-size" in refused(peft(tmp_path / "three", dora=0.5, lora=0.5, bone=0.4))
    item = verdict(results, "--test-size", 1319)
    table = [[694, 1319 - 694], [677, 1319 - 677]]
    chi = scipy.stats.chi2_contingency(table, correction=False)
    assert chi.statistic**0.5 == pytest.approx(0.66, abs=0.005)
    assert item["p"] == pytest.approx(chi.pvalue, rel=0.01)
    assert item["p"] == pytest.approx(0.51, abs=0.005)
    assert (item["verdict"], item["question"]) == ("inconclusive", "two checkpoints, on such examples")
    assert "as a rule makes the interval too wide" in item["sentence"]
    percent = put(tmp_path, "Method,Accuracy\ndora,52.615769\nlora,51.326763\n")
    other = verdict(percent, "--test-size", 1319)
    assert (other["unit"], other["p"]) == ("percent", pytest.approx(item["p"], rel=1e-4))


def test_many_single_accuracies_are_bands_and_not_two_thousand_sentences(tmp_path: Path) -> None:
    results = peft(tmp_path, **{f"m{n}": (300 + 7 * n) / 1319 for n in range(63)})
    text = run(results, "--test-size", 1319).stdout
    assert "Best, not told apart: m62" in text
    assert len(text.splitlines()) < 400
    assert len(json.loads(run(results, "--test-size", 1319, "--format", "json").stdout)) == 63 * 62 // 2


def test_what_a_test_size_is_not_for(tmp_path: Path) -> None:
    seeds = put(tmp_path, "arm,seed,accuracy\n" + "".join(f"{a},{s},0.{a}{s}\n" for a in (5, 6) for s in range(3)))
    assert "has 3 seeds: leave it out" in refused(seeds, "--test-size", 100)
    loss = put(tmp_path, "arm,loss\na,1.2\nb,1.3\n", "loss.csv")
    assert "shares of right answers" in refused(loss, "--test-size", 100)
    few = put(tmp_path, "arm,accuracy\na,0.99\nb,0.5\n", "few.csv")
    assert "give scores of examples" in run(few, "--test-size", 100).stdout


def test_a_number_in_another_unit_is_no_reproduction(tmp_path: Path) -> None:
    path = put(tmp_path, "arm,seed,accuracy\n" + "".join(f"mine,{s},0.8{s}\n" for s in range(4)))
    assert "in another unit" in refused(path, "--published", "81.5")
    assert verdict(path, "--published", "81.5 %".replace("81.5 %", "0.815"))["inside"] is True


LONG = "run,tag,step,value,wall_time\n" + "".join(
    f"{arm}/seed{seed},{tag},{step},{level + step / 100 + seed / 200},1\n"
    for arm, level in (("lora", 0.7), ("full", 0.6))
    for seed in range(3)
    for step in (1, 2)
    for tag in ("acc", "loss")
)


def test_scalars_in_one_long_table_are_not_mixed(tmp_path: Path) -> None:
    path = put(tmp_path, LONG)
    assert "by the column that tells them apart (tag)" in refused(path, "--at", "last")
    item = verdict(path, "--at", "last", "--where", "tag=acc", "--a", "lora", "--b", "full")
    assert (item["n_seeds"], item["estimate"]) == ([3, 3], pytest.approx(0.1))


def test_checkpoints_of_one_run_count_once(tmp_path: Path) -> None:
    for arm, level in (("lora", 0.8), ("full", 0.7)):
        for seed in range(3):
            for last in (1, 2):
                log = [{"epoch": float(e), "eval_accuracy": level + e / 100 + seed / 200} for e in range(1, last + 1)]
                place = f"{arm}/seed_{seed}/checkpoint-{last}0/trainer_state.json"
                put(tmp_path, json.dumps({"log_history": log}), f"runs/{place}")
            for name in ("all", "eval"):
                put(
                    tmp_path,
                    json.dumps({"eval_accuracy": level + seed / 200}),
                    f"results/{arm}_{seed}/{name}_results.json",
                )
    item = verdict(tmp_path / "runs", "--metric", "eval_accuracy", "--at", "last", "--a", "lora", "--b", "full")
    assert (item["n_seeds"], item["estimate"]) == ([3, 3], pytest.approx(0.1))
    assert verdict(tmp_path / "results", "--metric", "eval_accuracy")["n_seeds"] == [3, 3]


@pytest.mark.parametrize("head", ["Acc mean,Acc std", "acc_mean,acc_sd", "mean_acc,std_acc"])
def test_means_and_deviations_of_a_named_metric(head: str, tmp_path: Path) -> None:
    item = verdict(put(tmp_path, f"Method,{head},n\nlora,93.1,0.2,5\nfull,94,0.1,5\n"))
    assert (item["metric"], item["verdict"]) == ("acc", "B better")
    assert (item["basis"], item["p_exact"]) == ("seeds that scatter near normally", None)


def test_means_of_several_metrics_ask_which(tmp_path: Path) -> None:
    path = put(tmp_path, "Method,SST-2,RTE,n\nlora,93.1±0.2,70.1±1.2,5\nfull,94±0.1,75±1,5\n")
    assert "found SST-2, RTE" in refused(path)
    assert verdict(path, "--metric", "RTE")["estimate"] == pytest.approx(-4.9)
