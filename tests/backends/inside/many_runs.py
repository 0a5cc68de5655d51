"""many_runs.py DATA MODELS JOBS [BACKEND]: runs each job of a JSON list in one process, which saves the imports of all but the first.

A job is {"spec": path, "out": path, "stop": {"event": name, "nth": count} or null}; `stop` asks the run to stop, as
SIGTERM does, when the count-th event of that name has been written.  Prints a JSON list of exit codes.
"""

import contextlib
import importlib
import json
import sys

from seedwise_contract.command import main

data, models, jobs, *named = sys.argv[1:]
name = named[0] if named else "hf"
Backend = getattr(importlib.import_module(f"seedwise_{name}.backend"), f"{name.capitalize()}Backend")


class Stopping(Backend):
    def __init__(self, event, nth):
        super().__init__()
        self.event, self.nth = event, nth

    def run(self, spec, context):
        write = context.events.write

        def counted(event):
            write(event)
            self.nth -= event.event == self.event
            if self.nth == 0:
                context.request_stop()

        context.events.write = counted
        return super().run(spec, context)


codes = []
with contextlib.redirect_stdout(sys.stderr):
    for job in json.loads(jobs):
        backend = Stopping(**job["stop"]) if job["stop"] else Backend()
        codes.append(int(main(backend, ["run", job["spec"], "--data", data, "--models", models, "--out", job["out"]])))
print(json.dumps(codes))
