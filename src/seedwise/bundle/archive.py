"""The container: a ZIP whose bytes follow from its files alone, and a reader that trusts nothing in one.

Files stand sorted, with one fixed time and mode.  The archive's comment holds the sha256 of all bytes before the end
record, so that a changed byte shows even where no file's contents differ.
"""

from __future__ import annotations

import hashlib
import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from seedwise.errors import InputError

MAX_FILES = 50_000
MAX_FILE_BYTES = 64 << 20
MAX_BYTES = 512 << 20  # of all files together, and of the archive: they are held in memory
MAX_RATIO, FREE_BYTES = (
    500,
    1 << 20,
)  # of unpacked to packed bytes; text packs to a tenth, nothing but zeros to a thousandth

_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = (stat.S_IFREG | 0o644) << 16
_COMMENT = b"seedwise bundle, sha256 "
_END = struct.Struct("<4s4H2LH")  # APPNOTE.TXT 4.3.16
_SAFE = re.compile(r"[A-Za-z0-9_.-]{1,128}(/[A-Za-z0-9_.-]{1,128}){0,6}")
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, struct.error, NotImplementedError)


class NotABundle(InputError):
    """Not a ZIP at all, or one that is not safe to open; nothing of it was read."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What could be read: name → bytes, and name (or '' for the archive itself) → what is wrong with it."""

    files: Mapping[str, bytes]
    faults: tuple[tuple[str, str], ...]


def archive_bytes(files: Mapping[str, bytes]) -> bytes:
    """The archive of `files` (name → bytes): the same bytes for the same files, wherever zlib is the same."""
    too_large = [name for name, data in files.items() if len(data) > MAX_FILE_BYTES]
    if too_large or len(files) > MAX_FILES or sum(map(len, files.values())) > MAX_BYTES:
        raise InputError(
            f"{len(files)} files, {sum(map(len, files.values())) >> 20} MiB: more than a bundle may hold "
            f"({MAX_FILES} files, {MAX_FILE_BYTES >> 20} MiB each, {MAX_BYTES >> 20} MiB in all); bundle fewer studies"
        )
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _TIME)
            info.create_system, info.external_attr, info.compress_type = 3, _MODE, zipfile.ZIP_DEFLATED
            archive.writestr(info, files[name], compresslevel=9)
    body = written.getvalue()[: -_END.size]
    end = list(_END.unpack(written.getvalue()[-_END.size :]))
    comment = _COMMENT + hashlib.sha256(body).hexdigest().encode()
    return body + _END.pack(*end[:-1], len(comment)) + comment


def read_archive(path: Path, known: Callable[[str], bool] = lambda name: True) -> Contents:
    """Every file of a name that is `known` and that can be read whole, and every fault.

    Raises NotABundle for what is no ZIP, and, before anything is unpacked, for names that lead out of a folder, links,
    encrypted or doubled members, and more bytes than a bundle may hold.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") if path.is_file() else io.BytesIO() as handle:
            head = handle.read(4)
    except (OSError, ValueError) as error:
        raise NotABundle(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if head != b"PK\x03\x04":
        raise NotABundle(f"{path}: not a bundle: found no ZIP archive; make one with `seedwise bundle`")
    if size > MAX_BYTES:
        raise NotABundle(f"{path}: {size >> 20} MiB; a bundle has at most {MAX_BYTES >> 20}")
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN as error:
        return Contents({}, (("", f"the list of its files is damaged or cut off ({error})"),))
    with archive:
        members = archive.infolist()
        _refuse_unsafe(path, members)
        files: dict[str, bytes] = {}
        faults: list[tuple[str, str]] = []
        for member in members:
            if not known(member.filename):
                faults.append((member.filename, "not one of the bundle's own files"))
                continue
            try:
                files[member.filename] = _read(archive, member)
            except _BROKEN as error:
                faults.append((member.filename, f"damaged ({error or type(error).__name__})"))
    if not faults and (fault := _container_fault(path, len(members))):
        faults.append(("", fault))
    return Contents(files, tuple(faults))


def _refuse_unsafe(path: Path, members: list[zipfile.ZipInfo]) -> None:
    def refuse(what: str) -> None:
        raise NotABundle(f"{path}: not safe to open, nothing was unpacked: {what}")

    if len(members) > MAX_FILES:
        refuse(f"{len(members)} files; a bundle has at most {MAX_FILES}")
    seen: set[str] = set()
    for member in members:
        name = member.filename
        if _SAFE.fullmatch(name) is None or {".", ".."} & set(name.split("/")):
            refuse(f"the name {name[:200]!r} is none that a bundle has")
        if name.lower() in seen:
            refuse(f"{name} is in it twice")
        seen.add(name.lower())
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
            refuse(f"{name} is a link or a device, not a file")
        if member.flag_bits & 0x1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            refuse(f"{name} is encrypted, or packed in a way that bundles are not")
        if member.file_size > MAX_FILE_BYTES:
            refuse(f"{name} has {member.file_size >> 20} MiB; a file has at most {MAX_FILE_BYTES >> 20}")
        if member.file_size > MAX_RATIO * member.compress_size + FREE_BYTES:
            refuse(f"{name} unpacks to more than {MAX_RATIO} times its size")
    if sum(member.file_size for member in members) > MAX_BYTES:
        refuse(f"its files have more than {MAX_BYTES >> 20} MiB together")


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Never more than the member says that it has; zipfile checks its CRC where it ends."""
    with archive.open(member) as handle:
        data = handle.read(member.file_size + 1)
    if len(data) != member.file_size:
        raise zipfile.BadZipFile(f"{len(data)} bytes, not the {member.file_size} that it is listed with")
    return data


def _container_fault(path: Path, count: int) -> str | None:
    """What is wrong with the bytes that belong to no file's contents."""
    data = path.read_bytes()
    length = _END.size + len(_COMMENT) + 64
    body, end = data[:-length], data[-length:]
    comment = _COMMENT + hashlib.sha256(body).hexdigest().encode()
    start = min(struct.unpack("<L", end[16:20])[0], len(body))  # another packer has something else at this place
    expected = _END.pack(b"PK\x05\x06", 0, 0, count, count, len(body) - start, start, len(comment))
    if end != expected + comment:
        return "every file can be read, but bytes between or after them were changed, or it was packed anew"
    return None
