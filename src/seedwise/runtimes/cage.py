"""What a process of the environment runtime is held to, by its own kernel and without privileges.  Imports nothing of Seedwise.

    network   a network namespace of its own, where nothing but its own loopback device is; where the kernel allows no such
              namespace, a seccomp filter that refuses every socket but local ones
    writing   Landlock: only below the folders that it is lent, in shared memory, and to devices that keep nothing, NVIDIA's
              among them; nor can it signal or trace processes outside
    memory    RLIMIT_DATA, of each process

    python -I -S cage.py        prints, as JSON, which of them this kernel offers: {"network": "namespace", "writing": "landlock"}
    python -I -S cage.py gpu    and of these those in which CUDA's driver starts

Sources: unshare(2), user_namespaces(7), capabilities(7), seccomp(2), landlock(7), setrlimit(2).
"""

import ctypes
import glob
import json
import os
import platform
import resource
import socket
import struct
import sys
import tempfile
from collections.abc import Callable, Iterable

_PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP, _PR_SET_SECCOMP = 38, 24, 22
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
# What root keeps, so that it can read and write files as before: CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, KILL.
_FILE_CAPABILITIES = range(6)

# (architecture of seccomp, number of socket(2)); io_uring, which opens sockets too, has one number on all.
_MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
_IO_URING_SETUP = 425
_X32_CALLS = 0x40000000
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO with the error's number below
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # on all architectures
_LEAST_LANDLOCK = 3  # before it, files outside could be cut short, or none be moved between folders
_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
_WRITES = _WRITE_FILE | _TRUNCATE | sum(1 << right for right in range(4, 14))  # make, remove, rename
_SCOPED_FROM, _SIGNALS_AND_ABSTRACT_SOCKETS = 6, 3
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
# CUDA's driver names its threads through /proc, and does not start where it cannot.
_GPUS = ("/dev/nvidia*", "/dev/nvidia-caps/*", "/proc")
_SHARED_MEMORY = "/dev/shm"

_libc = ctypes.CDLL(None, use_errno=True)


def enter(network: str | None, writable: Iterable[str] | None, memory: int | None, gpu: bool = False) -> None:
    """Hold this process, and all that it starts, from here on.  `OSError` where the kernel refuses.

    `network`: "namespace" or "filter", by which it is closed; `writable`: the folders that it may write below; `memory`: bytes.
    None leaves a part as it is.
    """
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    if network == "namespace":
        _leave_network()
    elif network == "filter":
        _refuse_sockets()
    if writable is not None:
        _write_below(writable, gpu)


def offered(gpu: bool = False) -> dict[str, str]:
    """Part → by what this kernel holds it; each is tried in a process that ends at once.  `gpu`: one that starts CUDA's driver."""
    started = _start_driver if gpu else bool
    found = {}
    for way in ("namespace", "filter"):
        if _works(lambda way=way: enter(way, None, None, gpu), started):  # type: ignore[misc]
            found["network"] = way
            break
    with tempfile.TemporaryDirectory() as folder:
        if _works(lambda: enter(found.get("network"), [folder], None, gpu), started):
            found["writing"] = "landlock"
    return found


def _works(*steps: Callable[[], object]) -> bool:
    child = os.fork()
    if child == 0:
        try:
            for step in steps:
                step()
        except BaseException:  # noqa: BLE001 - whatever it is, this kernel does not offer it
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def _start_driver() -> None:
    """Begin a context on the first device, by CUDA's driver API; `OSError` where that fails."""
    driver, device, context = ctypes.CDLL("libcuda.so.1"), ctypes.c_int(), ctypes.c_void_p()
    steps: tuple[Callable[[], int], ...] = (
        lambda: driver.cuInit(0),
        lambda: driver.cuDeviceGet(ctypes.byref(device), 0),
        lambda: driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device),
    )
    for step in steps:
        if (answer := step()) != 0:
            raise OSError(f"CUDA's driver answers {answer}")


def _leave_network() -> None:
    """As root without the power to go back; as anybody else in a user namespace, whose powers end with the next program."""
    user, group = os.getuid(), os.getgid()
    if os.geteuid() == 0 and _libc.unshare(_CLONE_NEWNET) == 0:
        _raise_loopback()
        for capability in range(64):
            if capability not in _FILE_CAPABILITIES:
                _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
        return
    _checked("a network namespace", _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET))
    for name, text in (("uid_map", f"{user} {user} 1"), ("setgroups", "deny"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    _raise_loopback()


def _raise_loopback() -> None:
    """Programs that speak with themselves over 127.0.0.1 still can."""
    import fcntl

    get_flags, set_flags, up = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        name, flags = struct.unpack_from("16sh", fcntl.ioctl(handle, get_flags, struct.pack("16sh22x", b"lo", 0)))
        fcntl.ioctl(handle, set_flags, struct.pack("16sh22x", name, flags | up))


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("program", ctypes.c_char_p))


def _refuse_sockets() -> None:
    import errno

    architecture, socket_call = _MACHINES[platform.machine()]

    def step(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
        return struct.pack("HBBI", code, if_so, if_not, value)

    number, machine, first_argument = 0, 4, 16  # offsets in struct seccomp_data
    steps = [
        step(_LOAD, machine),
        step(_EQUAL, architecture, 1, 0),
        step(_RETURN, _REFUSE | errno.EPERM),
        step(_LOAD, number),
        step(_AT_LEAST, _X32_CALLS, 1, 0),
        step(_EQUAL, _IO_URING_SETUP, 0, 1),
        step(_RETURN, _REFUSE | errno.ENOSYS),
        step(_EQUAL, socket_call, 0, 2),
        step(_LOAD, first_argument),
        step(_EQUAL, socket.AF_UNIX, 0, 1),
        step(_RETURN, _ALLOW),
        step(_RETURN, _REFUSE | errno.EACCES),
    ]
    _checked("no new privileges", _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    program = _Filter(len(steps), b"".join(steps))
    _checked("a seccomp filter", _libc.prctl(_PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0))


def _write_below(folders: Iterable[str], gpu: bool) -> None:
    version = _libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < _LEAST_LANDLOCK:
        raise OSError(f"Landlock {version}: at least {_LEAST_LANDLOCK} is needed")
    scoped = _SIGNALS_AND_ABSTRACT_SOCKETS if version >= _SCOPED_FROM else 0
    attributes = struct.pack("=QQQ", _WRITES, 0, scoped)[: 24 if scoped else 8]
    rules = _checked("Landlock", _libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0))
    shared = [_SHARED_MEMORY] if os.access(_SHARED_MEMORY, os.F_OK) else []
    gpus = [place for pattern in _GPUS for place in glob.glob(pattern)] if gpu else []
    for path, rights in [
        *((folder, _WRITES) for folder in [*folders, *shared]),
        *((place, _WRITE_FILE | _TRUNCATE) for place in [*_DEVICES, *gpus] if os.access(place, os.F_OK)),
    ]:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", rights, place)
        _checked(path, _libc.syscall(_ADD_RULE, rules, 1, rule, 0))
        os.close(place)
    _checked("no new privileges", _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _checked("Landlock", _libc.syscall(_RESTRICT_SELF, rules, 0))
    os.close(rules)


def _checked(what: str, answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return answer


if __name__ == "__main__":
    json.dump(offered(gpu="gpu" in sys.argv), sys.stdout)
