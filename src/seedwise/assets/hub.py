"""The Hugging Face Hub, or a mirror of it (`HF_ENDPOINT`), through its own client library: one door, one kind of error.

The user's token (`HF_TOKEN`, or the one that the client keeps) is used by the client alone; nothing here reads or writes it.
Without a network (`HF_HUB_OFFLINE=1`, or none) what the client's own cache holds is used.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from seedwise.errors import AssetError, NoAsset
from seedwise.extras import missing

RepositoryType = Literal["model", "dataset"]
_ADDRESS = "https://huggingface.co"


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository; `sha256` is known before a download of large files only."""

    path: str
    size: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository at one commit; `card` is what its card says of itself (licence, citation, configurations)."""

    name: str
    type: RepositoryType
    revision: str
    files: tuple[HubFile, ...]
    card: dict[str, Any]

    @property
    def licence(self) -> str | None:
        found = self.card.get("license")
        return str(self.card.get("license_name") or found) if found else None

    @property
    def address(self) -> str:
        kind = "datasets/" if self.type == "dataset" else ""
        return f"{_ADDRESS}/{kind}{self.name}"


def resolve(name: str, kind: RepositoryType, revision: str | None) -> Repository:
    """The repository with `revision` (a branch, a tag, a commit; None: its main branch) resolved to a commit."""
    with _told(name, kind, revision):
        client = _client()
        get = client.model_info if kind == "model" else client.dataset_info
        info: Any = get(name, revision=revision, files_metadata=True)
        if not info.sha:
            raise AssetError(f"{name}: the Hub names no commit of it, so that nothing could be pinned")
        files = tuple(
            HubFile(one.rfilename, int(one.size or 0), one.lfs.sha256 if one.lfs else None)
            for one in info.siblings or ()
        )
        card = info.card_data.to_dict() if info.card_data else {}
        return Repository(name, kind, str(info.sha), files, card)


def download(name: str, kind: RepositoryType, revision: str, path: str) -> Path:
    """The file `path` at the commit `revision`, in the client's cache; a download that broke off is taken up again."""
    with _told(name, kind, revision):
        from huggingface_hub import hf_hub_download

        found = hf_hub_download(name, path, repo_type=kind, revision=revision, endpoint=_endpoint())
        return Path(str(found))


def _client() -> Any:
    from huggingface_hub import HfApi

    return HfApi(endpoint=_endpoint())


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT") or None


@contextmanager
def _told(name: str, kind: str, revision: str | None) -> Iterator[None]:
    """The client's errors as ours, in a sentence that says what to do."""
    try:
        from huggingface_hub import errors
    except ImportError as error:
        raise NoAsset(str(missing(error) or error)) from None
    at = f"{name}@{revision}" if revision else name
    try:
        yield
    except errors.GatedRepoError:
        raise AssetError(
            f"{name}: is gated: accept its terms on its page, and give your token (HF_TOKEN, or 'hf auth login')"
        ) from None
    except errors.RevisionNotFoundError:
        raise AssetError(
            f"{at}: no such revision; it may have been moved or removed: name another with --revision, or add it anew"
        ) from None
    except errors.RepositoryNotFoundError:
        raise AssetError(
            f"{name}: no such {kind} on the Hub, or a private one: check the name (owner/name); for a private one "
            "give your token (HF_TOKEN, or 'hf auth login')"
        ) from None
    except errors.LocalEntryNotFoundError:
        raise NoAsset(f"{at}: the Hub is out of reach, and the client's cache does not hold it") from None
    except errors.EntryNotFoundError as error:
        raise AssetError(f"{at}: no such file: {_short(error)}") from None
    except errors.HFValidationError as error:
        raise AssetError(f"{name}: is no name of a repository: {_short(error)}") from None
    except errors.OfflineModeIsEnabled:
        raise NoAsset(f"{at}: HF_HUB_OFFLINE is set, and the client's cache does not hold it") from None
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        if status in (401, 403):
            raise AssetError(f"{name}: the Hub refuses it ({status}): check your token (HF_TOKEN)") from None
        raise NoAsset(f"{at}: the Hub answers with an error ({status}); try again later") from None
    except errors.HTTPError as error:  # type: ignore[attr-defined]  # of the client's HTTP library: no connection, no answer, one too many redirects
        raise NoAsset(f"{at}: the Hub is out of reach: {_short(error)}") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise AssetError(
                f"{at}: cannot be written: {error.strerror}; free some space and call again: what was fetched is kept, and "
                "the rest follows"
            ) from None
        raise NoAsset(f"{at}: the Hub is out of reach: {_short(error)}") from None


def _short(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
