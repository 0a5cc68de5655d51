"""Archives that are made to do harm are refused before anything of them is unpacked."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from seedwise.bundle import verify
from seedwise.bundle.archive import NotABundle
from seedwise.bundle.faults import DamagedBundle


def member(name: str, data: bytes = b"x", mode: int = stat.S_IFREG | 0o644, kind: int = zipfile.ZIP_STORED) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr, info.compress_type = mode << 16, kind
        archive.writestr(info, data)
    return written.getvalue()


def claims_to_be_huge() -> bytes:
    packed = bytearray(member("manifest.json"))
    place = packed.rindex(b"PK\x01\x02") + 24
    packed[place : place + 4] = (0xFFFFFFF0).to_bytes(4, "little")
    return bytes(packed)


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (member("../manifest.json"), "is none that a bundle has"),
        (member("/etc/passwd"), "is none that a bundle has"),
        (member("runs/../../x"), "is none that a bundle has"),
        (member("C:\\x"), "is none that a bundle has"),
        (member("a\nb"), "is none that a bundle has"),
        (member("folder/"), "is none that a bundle has"),
        (member("manifest.json", b"/etc/passwd", stat.S_IFLNK | 0o777), "is a link or a device"),
        (member("manifest.json", b"x", stat.S_IFIFO | 0o644), "is a link or a device"),
        (member("manifest.json", kind=zipfile.ZIP_LZMA), "encrypted, or packed in a way"),
        (claims_to_be_huge(), "a file has at most 64"),
        (b"no archive", "found no ZIP archive"),
        (b"", "found no ZIP archive"),
    ],
)
def test_malicious_archives_are_refused_before_anything_is_unpacked(tmp_path: Path, archive: bytes, said: str) -> None:
    path = tmp_path / "bad.zip"
    path.write_bytes(archive)
    with pytest.raises(NotABundle) as found:
        verify(path)
    assert said in str(found.value)
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", "{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("manifest.json", "{}")
    with pytest.raises(NotABundle, match="twice"):
        verify(path)


def test_more_bytes_than_listed_are_not_read(tmp_path: Path) -> None:
    packed = bytearray(member("manifest.json", b"0" * 50_000_000, kind=zipfile.ZIP_DEFLATED))
    place = packed.rindex(b"PK\x01\x02") + 24
    packed[place : place + 4] = (10).to_bytes(4, "little")
    path = tmp_path / "bomb.zip"
    path.write_bytes(packed)
    with pytest.raises(DamagedBundle, match=r"manifest\.json: damaged"):
        verify(path)


def test_what_unpacks_to_a_thousand_times_its_size_is_not_unpacked(bundle: Path) -> None:
    with zipfile.ZipFile(bundle, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", bytes(60 << 20))
    with pytest.raises(NotABundle, match="times its size"):
        verify(bundle)
