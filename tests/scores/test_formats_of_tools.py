"""Files in the shapes that harnesses, trainers and trackers write."""

from __future__ import annotations

import io
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.scores.field import put, refused, run, verdict


def answers(arm: str, seed: int, i: int) -> bool:
    return (i * 7 + seed * 3) % 10 < (8 if arm == "tuned" else 5)


ARMS = ("base", "tuned")


def inspect_log(arm: str, seed: int, epochs: int = 1) -> dict[str, Any]:
    samples = [
        {
            "id": i,
            "epoch": epoch,
            "input": f"question {i}",
            "target": "x",
            "scores": {"match": {"value": "C" if answers(arm, seed, i) else "I"}},
        }
        for epoch in range(1, epochs + 1)
        for i in range(60)
    ]
    return {"eval": {"task": "arc", "model": f"hf/{arm}"}, "samples": samples}


def test_f21_inspect_json_and_eval(tmp_path: Path) -> None:
    for arm in ARMS:
        for seed in range(3):
            put(tmp_path, json.dumps(inspect_log(arm, seed)), f"json/{arm}_{seed}.json")
            log = inspect_log(arm, seed)
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("header.json", json.dumps({"eval": log["eval"]}))
                for sample in log["samples"]:
                    archive.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
            (tmp_path / "eval").mkdir(exist_ok=True)
            (tmp_path / "eval" / f"{arm}_{seed}.eval").write_bytes(packed.getvalue())
    one, other = verdict(tmp_path / "json"), verdict(tmp_path / "eval")
    assert [other[key] for key in ("verdict", "n_seeds", "n_examples")] == [
        one[key] for key in ("verdict", "n_seeds", "n_examples")
    ]
    assert other["p"] == pytest.approx(one["p"])
    assert (one["a"], one["n_seeds"], one["n_examples"]) == ("hf/base", [3, 3], 60)


def test_f21_epochs_of_inspect_are_no_seeds_unless_said(tmp_path: Path) -> None:
    for arm in ARMS:
        put(tmp_path, json.dumps(inspect_log(arm, 0, 4)), f"{arm}.json")
    item = verdict(tmp_path)
    assert item["question"] == "two checkpoints, on such examples"
    assert "asked 4 times" in run(tmp_path).stdout
    assert verdict(tmp_path, "--seed", "epoch")["n_seeds"] == [4, 4]


def test_f21_helm(tmp_path: Path) -> None:
    sources = []
    for arm in ARMS:
        stats = [
            {
                "instance_id": f"id{i}",
                "train_trial_index": t,
                "stats": [{"name": {"name": "exact_match", "split": "test"}, "mean": float(answers(arm, t, i))}],
            }
            for t in range(3)
            for i in range(40)
        ]
        sources.append(f"{arm}={put(tmp_path, json.dumps(stats), f'{arm}/per_instance_stats.json')}")
    item = verdict(*sources)
    assert (item["n_seeds"], item["n_examples"], item["metric"]) == ([3, 3], 40, "exact_match")
    assert verdict(tmp_path)["p"] == item["p"]  # a folder a model


def test_f21_helms_predictions_as_they_are_displayed(tmp_path: Path) -> None:
    sources = []
    for arm in ARMS:
        shown = [
            {
                "instance_id": f"id{i}",
                "train_trial_index": t,
                "predicted_text": " B",
                "stats": {"exact_match": float(answers(arm, t, i)), "num_output_tokens": 4.0},
            }
            for t in range(3)
            for i in range(40)
        ]
        sources.append(f"{arm}={put(tmp_path, json.dumps(shown), f'{arm}/display_predictions.json')}")
    assert "found exact_match, num_output_tokens" in refused(*sources)
    assert verdict(*sources, "--metric", "exact_match")["n_seeds"] == [3, 3]


def test_f21_samples_of_inspect_that_failed_are_named(tmp_path: Path) -> None:
    for arm in ARMS:
        log = inspect_log(arm, 0)
        if arm == "tuned":
            log["samples"][7] = {
                "id": 7,
                "epoch": 1,
                "input": "question 7",
                "target": "x",
                "error": {"message": "boom"},
            }
        put(tmp_path, json.dumps({"version": 2, "status": "success", **log}), f"{arm}.json")
    assert "tuned.json: row 8: match is empty or not finite" in refused(tmp_path)
    assert verdict(tmp_path, "--where", "id!=7", "--on", "common")["n_examples"] == 59


def test_f21_samples_of_inspect_with_several_scorers(tmp_path: Path) -> None:
    for arm in ARMS:
        log = inspect_log(arm, 0)
        for sample in log["samples"]:
            sample["scores"]["grade"] = {"value": {"style": 3, "truth": 4 if arm == "tuned" else 2}}
        put(tmp_path, json.dumps(log), f"{arm}.json")
    assert "found match, grade.style, grade.truth" in refused(tmp_path)
    assert "against" in run(tmp_path, "--metric", "match").stdout


def test_a_bundle_is_no_log(tmp_path: Path) -> None:
    path = put(tmp_path, "arm,seed,score\n" + "".join(f"{a},{s},{8 - s / 9}\n" for a in "ab" for s in range(3)))
    assert run(path, "--bundle", tmp_path / "b.zip").exit_code == 0
    assert "seedwise verify" in refused(tmp_path / "b.zip")


def test_f21_a_folder_of_sample_logs_with_several_tasks(tmp_path: Path) -> None:
    """As the harness names them: a folder a model, a file a task and time; a verdict a task."""
    for arm in ARMS:
        for seed in range(3):
            for task in ("rte", "arc_easy"):
                rows = [
                    {
                        "doc_id": i,
                        "doc": {"query": f"{task} {i}"},
                        "target": "1",
                        "arguments": {"gen_args_0": {"arg_0": "q", "arg_1": " yes"}},
                        "resps": [[["-1.2", "False"]]],
                        "filtered_resps": [["-1.2", "False"]],
                        "filter": "none",
                        "metrics": ["acc"],
                        "doc_hash": f"{task}-{i}",
                        "acc": float(answers(arm, seed, i)),
                    }
                    for i in range(30)
                ]
                put(
                    tmp_path,
                    "\n".join(map(json.dumps, rows)),
                    f"out/{arm}_seed{seed}/samples_{task}_2025-06-1{seed}T11-28-17.123456.jsonl",
                )
    items = verdict(tmp_path / "out", "--scope", "each")
    assert {item["task"] for item in items} == {"rte", "arc_easy"}
    assert all((item["n_seeds"], item["n_examples"]) == ([3, 3], 30) for item in items)
    assert {items[0]["a"], items[0]["b"]} == set(ARMS)


def test_f22_a_table_of_runs_of_weights_and_biases(tmp_path: Path) -> None:
    """The runs' table: names, states, configurations and last values."""
    head = '"Name","State","Created","Runtime","method","seed","eval/accuracy","eval/loss"'
    rows = [
        f'"sweep-{n}","finished","2024-05-01T10:00:0{n}.000Z","120","{arm}","{seed}","{level + seed / 100}","0.5"'
        for n, (arm, seed, level) in enumerate((a, s, v) for a, v in (("lora", 0.8), ("full", 0.7)) for s in range(3))
    ]
    path = put(tmp_path, "\n".join([head, *rows]))
    item = verdict(path, "--metric", "eval/accuracy", "--a", "lora", "--b", "full")
    assert (item["n_seeds"], item["estimate"]) == ([3, 3], pytest.approx(0.1))


def test_f21_openai_evals(tmp_path: Path) -> None:
    sources = []
    for arm in ARMS:
        events = [{"spec": {"model": arm}}] + [
            {
                "run_id": "r",
                "event_id": i,
                "sample_id": f"t.{i}",
                "type": "match",
                "data": {"correct": answers(arm, 0, i), "expected": "x", "picked": "y"},
            }
            for i in range(50)
        ]
        sources.append(f"{arm}={put(tmp_path, chr(10).join(map(json.dumps, events)), f'{arm}.jsonl')}")
    item = verdict(*sources)
    assert (item["n_examples"], item["question"]) == (50, "two checkpoints, on such examples")
    for arm in ARMS:  # the model is named in the log
        log = tmp_path / f"{arm}.jsonl"
        log.write_text(log.read_text().replace(json.dumps({"model": arm}), json.dumps({"completion_fns": [arm]})))
    assert {verdict(tmp_path)["a"], verdict(tmp_path)["b"]} == set(ARMS)


def test_f21_nested_values_by_dotted_names(tmp_path: Path) -> None:
    sources = []
    for arm in ARMS:
        rows = [{"key": {"id": i}, "result": {"ok": answers(arm, 0, i)}} for i in range(50)]
        sources.append(f"{arm}={put(tmp_path, chr(10).join(map(json.dumps, rows)), f'{arm}.jsonl')}")
    assert verdict(*sources, "--example", "key.id", "--score", "result.ok")["n_examples"] == 50


def test_f21_lighteval_details(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    sources = []
    for arm in ARMS:
        rows = [
            {"doc": {"id": str(i), "query": f"q{i}"}, "metric": {"em": float(answers(arm, 0, i))}} for i in range(50)
        ]
        parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / f"{arm}.parquet")
        sources.append(f"{arm}={tmp_path / arm}.parquet")
    assert (verdict(*sources)["metric"], verdict(*sources)["n_examples"]) == ("em", 50)


def test_f21_trainer_state_asks_which_epoch_and_the_advice_works(tmp_path: Path) -> None:
    for arm, level in (("lora", 0.8), ("full", 0.7)):
        for seed in range(3):
            log = [{"epoch": e, "loss": 1.0 / e, "step": e * 10 - 1} for e in (1.0, 2.0)]
            log += [
                {
                    "epoch": e,
                    "eval_accuracy": level + e / 100 + seed / 200,
                    "eval_loss": 1.0,
                    "eval_runtime": 3.0,
                    "step": e * 10,
                }
                for e in (1.0, 2.0)
            ]
            put(tmp_path, json.dumps({"log_history": log}), f"{arm}/seed_{seed}/trainer_state.json")
    said = refused(tmp_path, "--metric", "eval_accuracy")
    assert "--at last or --at best" in said
    item = verdict(tmp_path, "--metric", "eval_accuracy", "--at", "last")
    assert (item["n_seeds"], item["estimate"]) == ([3, 3], pytest.approx(-0.1))
    assert {item["a"], item["b"]} == {"lora", "full"}
    assert (
        verdict(tmp_path, "--metric", "eval_loss", "--at", "last", "--pattern", "{arm}/seed_{seed}/*.json")["direction"]
        == "lower"
    )


def test_f21_all_results(tmp_path: Path) -> None:
    for arm, level in (("lora", 0.8), ("full", 0.7)):
        for seed in range(3):
            document = {"epoch": 3.0, "eval_accuracy": level + seed / 100, "eval_runtime": 2.1, "eval_samples": 277}
            put(tmp_path, json.dumps(document), f"{arm}-seed{seed}/all_results.json")
    item = verdict(tmp_path, "--metric", "eval_accuracy")
    assert (item["n_seeds"], item["estimate"]) == ([3, 3], pytest.approx(-0.1))


def test_f21_results_without_examples_say_what_they_lack(tmp_path: Path) -> None:
    document = {"results": {"rte": {"alias": "rte", "acc,none": 0.7, "acc_stderr,none": 0.02}}, "configs": {}}
    path = put(tmp_path, json.dumps(document), "results.json")
    assert "--log_samples" in refused(f"a={path}")


def test_f22_tensorboard_scalars_by_their_names(tmp_path: Path) -> None:
    for arm, last in (("lora", 0.766897), ("full", 0.7)):
        for seed in range(3):
            text = f"Wall time,Step,Value\n1654943313.2,225,0.717666\n1654943413.2,450,{last + seed / 100}\n"
            put(tmp_path, text, f"run-{arm}_seed{seed}-tag-eval_accuracy.csv")
    item = verdict(tmp_path / "*.csv", "--a", "lora", "--b", "full")
    assert item["estimate"] == pytest.approx(0.066897)
    assert "the last step of each run was taken" in run(tmp_path / "*.csv").stdout


def test_f22_a_chart_of_weights_and_biases(tmp_path: Path) -> None:
    runs = [f"{arm}-seed{seed}" for arm in ("lora", "full") for seed in range(3)]
    head = ["Step", *(f'"{name} - eval/loss{end}"' for name in runs for end in ("", "__MIN", "__MAX"))]
    rows = [
        [str(step), *(str(round(1 / step + place / 100, 4)) for place, _ in enumerate(runs) for _ in range(3))]
        for step in (1, 2, 3)
    ]
    item = verdict(put(tmp_path, "\n".join(map(",".join, [head, *rows]))))
    assert (item["metric"], item["direction"], item["n_seeds"]) == ("eval/loss", "lower", [3, 3])
    assert (item["verdict"], item["estimate"]) == ("A better", pytest.approx(-0.03))


def test_f26_a_store_of_files_of_mlflow(tmp_path: Path) -> None:
    experiment = tmp_path / "mlruns" / "1"
    put(
        experiment,
        "artifact_location: x\nexperiment_id: '1'\nlifecycle_stage: active\nname: lab\ncreation_time: 1\nlast_update_time: 1\n",
        "meta.yaml",
    )
    for arm, level in (("full", 84.0), ("lora", 82.4)):
        for seed in range(4):
            name = f"{'ab'[arm == 'lora'] * 31}{seed}"
            place = experiment / name
            put(
                place,
                f"artifact_uri: x\nend_time: 2\nentry_point_name: ''\nexperiment_id: '1'\nlifecycle_stage: active\n"
                f"run_id: {name}\nrun_name: r\nrun_uuid: {name}\nsource_name: ''\nsource_type: 4\n"
                "source_version: ''\nstart_time: 1\nstatus: 3\ntags: []\nuser_id: u\n",
                "meta.yaml",
            )
            put(place, f"1700000000000 {level + seed / 5} 0\n", "metrics/accuracy")
            put(place, str(seed), "params/seed")
            put(place, arm, "params/method")
    item = verdict(
        "mlflow",
        "--tracking-uri",
        tmp_path / "mlruns",
        "--arm-param",
        "method",
        "--seed-param",
        "seed",
        "--metric",
        "accuracy",
    )
    assert (item["verdict"], item["estimate"], item["n_seeds"]) == ("A better", pytest.approx(1.6), [4, 4])


def test_many_arms_are_shown_as_groups(tmp_path: Path) -> None:
    values = {"a": 80.0, "b": 79.9, "c": 70.0, "d": 69.8}
    rows = [f"{arm},{seed},{level + math.sin(seed * 3 + level)}" for arm, level in values.items() for seed in range(6)]
    path = put(tmp_path, "\n".join(["arm,seed,accuracy", *rows]))
    text = run(path).stdout
    assert "Best, not told apart: a, b" in text
    assert "| not told apart |" in run(path, "--format", "md").stdout
    assert "not told apart" in run(path, "--format", "latex").stdout
    page = run(path, "--format", "html").stdout
    assert page.count("<svg") == 2
    assert "http" not in page.replace("http://www.w3.org", "")


def test_a_page_holds_no_markup_of_an_arms_name(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        "arm,seed,accuracy\n" + "".join(f"<script>x</script>{a},{s},0.{a}{s}\n" for a in (5, 6) for s in range(4)),
    )
    assert "<script>" not in run(path, "--format", "html").stdout
