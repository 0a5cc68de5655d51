"""Every parser with bytes that nobody would write: hypothesis draws them from what it reads, and keeps what fails.

In the tests a few draws each; `nox -s fuzz` takes thousands.  Inputs that once failed lie in `seeds/`, named after their
parser, and are tried each time.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase

from seedwise.escaping import cell, latex, markdown, plain
from seedwise.secrets import masked, without_credentials
from tests.fuzz.targets import TARGETS, tried

HERE = Path(__file__).parent
DEEP = os.environ.get("SEEDWISE_FUZZ") == "deep"
EXAMPLES = int(os.environ.get("SEEDWISE_FUZZ_EXAMPLES", "2000" if DEEP else "12"))
fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=not DEEP,  # the tests are the same each time; the session draws anew
    database=DirectoryBasedExampleDatabase(HERE / ".hypothesis") if DEEP else None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
SCRAPS = st.sampled_from(
    [
        b"[" * 3000, b"{" * 200, b'{"a":' * 3000, b"9" * 5000, b"-", b"1e999", b"NaN", b"null", b"true", b"[]", b"{}", b'""',
        b"0x" + b"f" * 5000, b"&a [*a, *a]", b"*a", b"<<: *a", b"!!python/object:os.system x", b"!foo", b"? [a, b]\n: 1\n", b"\t",
        b"\r", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"\x1b]0;x\x07", b"\xc2\x9b",
        "\u202e".encode(), b"../../../etc/passwd", b"/etc/passwd", b"a\nb", b"=1+1", b'"' * 3, b"'", b",", b":", b"#", b"|", b"-1",
        b"0", b"1.5", b"1e400", b"2026-01-01", b"x" * 300, b"\n---\n", b"\n...\n", b"%YAML 9.9\n",
    ]
)  # fmt: skip


@st.composite
def spoilt(draw: st.DrawFn, good: bytes) -> bytes:
    """`good` with one to four faults of kinds that files have; or anything at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=300))
    data = good
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        end = draw(st.integers(at, min(len(data), at + 40)))
        kind = draw(st.integers(0, 5))
        if kind == 0:
            data = data[:at] + draw(SCRAPS) + data[at:]
        elif kind == 1:
            data = data[:at] + draw(SCRAPS) + data[end:]
        elif kind == 2:
            data = data[:at] + data[end:]
        elif kind == 3:
            data = data[:at] + draw(st.binary(min_size=1, max_size=4)) + data[at + 1 :]
        elif kind == 4:
            values = [found.span(1) for found in re.finditer(rb"[:=,]\s*([^\s,{}\[\]:]+)", data)]
            if values:
                begin, stop = draw(st.sampled_from(values))
                data = data[:begin] + draw(SCRAPS) + data[stop:]
        else:
            data = data[:at]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_parsers_refuse_by_their_own_errors(name: str) -> None:
    @fuzz
    @given(spoilt(TARGETS[name][1]))
    def drawn(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            tried(name, data, Path(folder))

    drawn()


@pytest.mark.parametrize("name", TARGETS)
def test_what_the_draws_begin_from_is_read(name: str, tmp_path: Path) -> None:
    assert TARGETS[name][0](TARGETS[name][1], tmp_path) is not None


@pytest.mark.parametrize("seed", sorted((HERE / "seeds").iterdir()), ids=lambda path: path.name)
def test_what_once_failed(seed: Path, tmp_path: Path) -> None:
    tried(seed.name.rsplit(".", 1)[0], seed.read_bytes(), tmp_path)


TEXT = st.text(max_size=60)
WORD = st.text(
    st.characters(codec="ascii", exclude_characters="\x00 /@?#'\"<>`\\", categories=["L", "N", "P", "S"]),
    min_size=1,
    max_size=12,
)


@fuzz
@given(st.sampled_from(["http", "https", "postgresql+psycopg", "s3"]), WORD, TEXT, TEXT)
def test_no_password_is_printed(scheme: str, user: str, before: str, after: str) -> None:
    needle = "hunter2secret"
    for address in (
        f"{scheme}://{user}:{needle}@host/x",
        f"{scheme}://{needle}@host",
        f"{scheme}://{user}:{needle}@host:5000?a=b",
    ):
        assert needle not in without_credentials(f"{before} {address} {after.replace('@', '')}")
        assert needle not in masked(f"{before} {address} {after.replace('@', '')}")
    assert needle not in masked(f"{before} {scheme}://host/x?token={needle} {after}")


@fuzz
@given(TEXT)
def test_no_text_is_markup_or_a_command(text: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", plain(text))
    shown = cell(text)
    assert isinstance(shown, str)
    assert not re.match(r"\s*[=@\t\r]|\s*[+-](?![\d.])", shown)
    assert not re.search(r"<|(?<!\\)[|`*_\[]|\n", markdown(text))
    assert "\n" not in latex(text)
    assert not re.search(r"(?<!\\)[%#&]", latex(text))


@fuzz
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
        lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    )
)
def test_any_json_is_no_study_spec_or_table(value: object) -> None:
    data = json.dumps(value).encode()
    with tempfile.TemporaryDirectory() as folder:
        for name in (
            "study",
            "spec",
            "manifest",
            "images",
            "json scores",
            "jsonl scores",
            "events",
            "predictions",
            "request",
            "evaluation log",
        ):
            tried(name, data, Path(folder))
