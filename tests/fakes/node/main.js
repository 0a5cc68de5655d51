// A backend in another language, from the JSON Schemas of the run contract alone: a perceptron over words.
const crypto = require("crypto"), fs = require("fs"), path = require("path");

const sha = (bytes) => crypto.createHash("sha256").update(bytes).digest("hex");
const now = () => Date.now() / 1000;
const die = (code, text) => { console.error(text); process.exit(code); };
const write = (file, text) => {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file + ".new", text);
  fs.renameSync(file + ".new", file);
};
const draw = (seed, key) => parseInt(sha(`${seed}/${key}`).slice(0, 12), 16) / 2 ** 48; // in [0, 1)
const words = (row) => row.text.toLowerCase().split(/\s+/);

const FIELDS = ["contract", "backend", "task", "model", "initialisation", "method", "recipe", "seeds", "selection", "evaluation", "device"];
function faults(spec) {
  const found = FIELDS.filter((name) => !(name in spec)).map((name) => `${name}: is missing`);
  found.push(...Object.keys(spec).filter((name) => !FIELDS.includes(name)).map((name) => `${name}: is no field of the contract`));
  const needs = (holds, field, value, allowed) => holds || found.push(`${field}: found ${JSON.stringify(value)}; allowed is ${allowed}`);
  const { task = {}, method = {}, recipe, evaluation = {}, device = {} } = spec;
  needs(task.kind === "classification" && (task.labels || []).length === 2, "task", task.kind, "classification of two labels");
  needs(method.name === "perceptron", "method.name", method.name, "perceptron");
  needs(Object.keys(method.parameters || {}).join() === "rate", "method.parameters", method.parameters, "rate");
  needs(recipe && recipe.accumulation === 1, "recipe", recipe && recipe.accumulation, "a recipe with accumulation 1");
  needs(evaluation.batch_size >= 1, "evaluation.batch_size", evaluation.batch_size, "1 or more");
  needs(!evaluation.curve, "evaluation.curve", evaluation.curve, "false");
  needs(device.kind === "cpu" && device.threads === 1, "device.threads", device.threads, "one thread on a cpu");
  return found;
}

function read(task, split, root) {
  const bytes = fs.readFileSync(path.join(root, task.splits[split].file));
  if (sha(bytes) !== task.splits[split].sha256) die(3, `split ${split}: its sha256 is not the declared one`);
  const { id, text, label } = task.columns;
  return bytes.toString().trim().split("\n").map((line) => JSON.parse(line))
    .map((row) => ({ id: row[id], text: row[text], label: task.labels.indexOf(row[label]) }));
}

async function run(spec, out, data) {
  const begun = now(), events = path.join(out, "events.jsonl"), saved = path.join(out, "state", "state.json");
  const splits = Object.fromEntries(["train", "selection", "test"].map((name) => [name, read(spec.task, name, data)]));
  const tell = (event) => fs.appendFileSync(events, JSON.stringify({ time: now(), ...event }) + "\n");
  const { epochs, batch_size } = spec.recipe, rate = spec.method.parameters.rate;
  const each = Math.ceil(splits.train.length / batch_size), total = each * epochs;
  const first = (word) => draw(spec.seeds.initialisation, word) - 0.5;
  let state = { update: 0, weights: {}, best: null };
  if (fs.existsSync(saved)) {
    state = JSON.parse(fs.readFileSync(saved));
    fs.truncateSync(events, state.size);
  } else {
    fs.writeFileSync(events, "");
    tell({ event: "start", total_updates: total, epochs });
  }
  const weight = (weights, word) => weights[word] ?? first(word);
  const score = (weights, row) => words(row).reduce((sum, word) => sum + weight(weights, word), 0);
  const accuracy = (weights, rows) => rows.filter((row) => (score(weights, row) > 0) === (row.label === 1)).length / rows.length;
  let stop = false;
  process.on("SIGTERM", () => { stop = true; });
  while (state.update < total) {
    await new Promise(setImmediate); // signals come in between
    if (stop) {
      write(saved, JSON.stringify({ ...state, size: fs.statSync(events).size }));
      die(143, `stopped after update ${state.update}; the state is saved`);
    }
    const epoch = Math.floor(state.update / each), place = state.update % each;
    const rank = (row) => draw(spec.seeds.order, `${epoch}/${row.id}`);
    const rows = [...splits.train].sort((a, b) => rank(a) - rank(b));
    const batch = rows.slice(place * batch_size, (place + 1) * batch_size);
    const wrong = batch.filter((row) => (score(state.weights, row) > 0) !== (row.label === 1));
    for (const row of wrong)
      for (const word of words(row)) state.weights[word] = weight(state.weights, word) + (row.label ? rate : -rate);
    state.update += 1;
    tell({ event: "step", update: state.update, epoch: state.update / each, loss: wrong.length / batch.length, lr: rate, seconds: now() - begun });
    if (state.update % each === 0) {
      const value = accuracy(state.weights, splits.selection);
      tell({ event: "evaluation", split: "selection", epoch: state.update / each, update: state.update, metrics: { accuracy: value } });
      if (spec.selection.rule === "last" || state.best === null || value > state.best.value)
        state.best = { value, update: state.update, weights: { ...state.weights } };
    }
  }
  const { best } = state, metrics = {}, at = { epoch: best.update / each, update: best.update };
  for (const split of ["selection", "test"]) {
    const lines = splits[split].map((row) => ({ id: row.id, label: row.label, scores: [-score(best.weights, row), score(best.weights, row)] }));
    write(path.join(out, "predictions", `${split}.jsonl`), lines.map((line) => JSON.stringify(line) + "\n").join(""));
    metrics[split] = { accuracy: accuracy(best.weights, splits[split]) };
  }
  tell({ event: "evaluation", split: "test", ...at, metrics: metrics.test });
  tell({ event: "end", status: "completed" });
  const vocabulary = [...new Set(splits.train.flatMap(words))].sort(), count = vocabulary.length;
  const parameters = [{ name: "words", shape: [count], count, trainable: true, head: true, weight_decay: 0.0 }];
  const table = { parameters, total: count, trainable: count, trainable_head: count, initial_trainable_sha256: sha(vocabulary.map(first).join()) };
  const environment = {
    image_digest: process.env.SEEDWISE_IMAGE_DIGEST ?? null, python: `none (node ${process.version})`, platform: process.platform,
    cpu: null, cpu_threads: 1, device: "cpu", driver: null, packages: {}, determinism: {},
  };
  write(path.join(out, "checkpoint", "weights.json"), JSON.stringify(best.weights));
  write(path.join(out, "parameters.json"), JSON.stringify(table));
  write(path.join(out, "environment.json"), JSON.stringify(environment));
  fs.rmSync(path.join(out, "state"), { recursive: true, force: true });
  const names = ["spec.json", "events.jsonl", "parameters.json", "environment.json", "checkpoint/weights.json", "predictions/selection.jsonl", "predictions/test.jsonl"];
  const files = Object.fromEntries(names.map((name) => [name, sha(fs.readFileSync(path.join(out, name)))]));
  const nothing = { train_examples_per_second: null, peak_host_bytes: null, peak_device_bytes: null, energy_joules: null, checkpoint_bytes: null };
  write(path.join(out, "result.json"), JSON.stringify({
    contract: 1, status: "completed", reason: null, message: null, metrics, selected: { ...at, metric: "accuracy", value: best.value },
    updates: total, timings: { setup: 0, training: now() - begun, evaluation: 0, total: now() - begun }, cost: nothing, files,
  }));
}

const [verb, file, ...rest] = process.argv.slice(2);
const option = (name, other) => (rest.includes(name) ? rest[rest.indexOf(name) + 1] : other);
if (verb === "describe") {
  const offered = { tasks: ["classification"], methods: ["perceptron"], initialisations: ["none"], precisions: ["fp32"], devices: ["cpu"] };
  console.log(JSON.stringify({ contract: 1, backend: "node", version: "1", ...offered, deterministic_methods: [], packages: {}, verbs: ["describe", "check", "run"] }));
} else if (verb === "check" || verb === "run") {
  const spec = JSON.parse(fs.readFileSync(file)), found = faults(spec);
  if (found.length) die(2, found.join("\n"));
  if (verb === "run") run(spec, option("--out"), option("--data", "/data"));
  else console.log(`${file}: no fault found`);
} else die(2, `no such verb: ${verb}`);
