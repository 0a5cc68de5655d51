"""A backend that looks at its cage: `run` does what its spec's `do` says, and writes what it saw.

It answers `serve` by the contract's text alone, as a backend in another language would.
"""

import json
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path

DESCRIPTION = {
    "contract": 1,
    "backend": "probe",
    "version": "1",
    "tasks": ["classification"],
    "methods": ["look"],
    "initialisations": ["none"],
    "precisions": [],
    "devices": ["cpu"],
    "deterministic_methods": [],
    "packages": {},
    "verbs": ["describe", "check", "run", "serve"],
}


def refusal(path: str) -> str:
    try:
        Path(path).write_text("x")
    except OSError as error:
        return type(error).__name__ + ": " + (error.strerror or "")
    Path(path).unlink()
    return "written"


def reach() -> str:
    try:
        socket.create_connection(("1.1.1.1", 53), timeout=3).close()
    except OSError as error:
        return error.strerror or "unreachable"
    return "reached"


def look() -> dict[str, object]:
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    return {
        "network": reach(),
        "interfaces": [name for _, name in socket.if_nameindex()],
        "uid": os.getuid(),
        "capabilities": [int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")],
        "no_new_privileges": int(status["NoNewPrivs"]),
        "writes": {
            path: refusal(path) for path in ("/probe", "/opt/probe", "/data/probe", "/models/probe", "/tmp/probe")
        },
        "cores": sorted(os.sched_getaffinity(0)),
        "variables": dict(os.environ),
        "python": sys.version_info[:2],
        "parent": os.getppid(),
        "session": os.getsid(0) == os.getpid(),
        "pip": any(Path(folder, "pip").is_dir() for folder in sys.path),
    }


def main() -> int:
    if sys.argv[1] == "describe":
        print("a framework's greeting", file=sys.stderr)
        print(json.dumps(DESCRIPTION))
        return 0
    if sys.argv[1] == "serve":
        return serve()
    return run(sys.argv[2], Path(sys.argv[sys.argv.index("--out") + 1]))


def serve() -> int:
    print(json.dumps({"ready": True}), flush=True)
    child, identity, waiting, left = 0, "", [], b""
    while True:
        if not child and waiting:
            request = waiting.pop(0)
            identity, child = request["id"], os.fork()
            if child == 0:
                log = os.open(Path(request["out"]) / "backend.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
                os.dup2(log, 1)
                os.dup2(log, 2)
                os.setsid()
                try:
                    code = run(request["spec"], Path(request["out"]))
                except SystemExit as ended:
                    code = ended.code
                sys.stdout.flush()
                os._exit(code)
        if child:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                code = os.waitstatus_to_exitcode(status)
                print(json.dumps({"id": identity, "code": code if code >= 0 else 128 - code, "seconds": 0}), flush=True)
                child = 0
        if select.select([0], [], [], 0.02)[0]:
            block = os.read(0, 1 << 16)
            if not block:
                return 0
            *lines, left = (left + block).split(b"\n")
            for line in map(json.loads, lines):
                if "stop" not in line:
                    waiting.append(line)
                elif child and line["stop"] == identity:
                    os.kill(child, signal.SIGTERM)


def run(spec: str, out: Path) -> int:
    do = json.loads(Path(spec).read_text())["do"]
    print(f"doing {do}", flush=True)
    print("on standard error", file=sys.stderr, flush=True)
    if do == "look":
        (out / "seen.json").write_text(json.dumps({**look(), "beside": [entry.name for entry in out.parent.iterdir()]}))
    elif do == "hoard":
        hoard = []
        while True:
            hoard.append(bytearray(b"x" * (16 << 20)))
    elif do == "fork":
        children = 0
        try:
            while children < 5000:
                if os.fork() == 0:
                    time.sleep(600)
                children += 1
        except OSError:
            (out / "children").write_text(str(children))
    elif do == "wait":
        if os.fork() == 0:  # a helper, as data loaders have
            time.sleep(600)
        (out / "started").write_text(str(os.getpid()))
        time.sleep(600)
    elif do == "save":
        signal.signal(signal.SIGTERM, lambda *_: (out / "state").write_text("saved") and sys.exit(143))
        (out / "started").write_text(str(os.getpid()))
        time.sleep(600)
    elif do == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        (out / "started").write_text(str(os.getpid()))
        time.sleep(600)
    return 0 if do in ("look", "fork") else 5


sys.exit(main())
