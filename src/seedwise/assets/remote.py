"""Files at addresses: https by Python itself; object stores (`s3://`, `gs://`) and whatever else fsspec knows, where it is installed."""

from __future__ import annotations

import shutil
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from seedwise.errors import AssetError, NoAsset
from seedwise.secrets import masked

_TIMEOUT_SECONDS = 60
_INSTALL = {
    "s3": '"seedwise[s3]"',
    "s3a": '"seedwise[s3]"',
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
}
_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, and AWS_ENDPOINT_URL for another store than Amazon's",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
}
_NAMES_OF = {"s3a": "s3", "gcs": "gs"}


def copy_address(address: str, target: Path) -> None:
    """Copy what is at `address` to `target`.

    `NoAsset` where it cannot be had here: nothing is there, credentials are missing or refused, the package that reads such
    addresses is not installed.  `AssetError` for what is no address.  Of what comes, nothing is believed: the caller checks its sha256.
    """
    scheme, separator, _ = address.partition("://")
    if not separator or not scheme:
        raise AssetError(f"{address}: no address; write https://…, s3://BUCKET/KEY or another that fsspec reads")
    if scheme in ("http", "https"):
        with urllib.request.urlopen(address, timeout=_TIMEOUT_SECONDS) as answer, open(target, "wb") as outside:
            shutil.copyfileobj(answer, outside)
    elif scheme == "file":
        _copy_file(address, target)
    else:
        _copy_by_fsspec(scheme, address, target)


def _copy_file(address: str, target: Path) -> None:
    path = Path(unquote(urlsplit(address).path))
    if not path.is_file():  # a FIFO would be waited for
        raise NoAsset(f"{address}: no such file")
    shutil.copyfile(path, target)


def _copy_by_fsspec(scheme: str, address: str, target: Path) -> None:
    install = _INSTALL.get(scheme, "fsspec")
    try:
        import fsspec

        files: Any = fsspec.get_filesystem_class(scheme)()
    except ImportError:
        raise NoAsset(f"{masked(address)}: what reads {scheme}:// is not installed: pip install {install}") from None
    except ValueError:
        raise AssetError(f"{masked(address)}: fsspec reads no {scheme}://") from None
    except Exception as error:  # noqa: BLE001 - a driver of fsspec may need settings that are not here, and says so in its own way
        raise NoAsset(f"{masked(address)}: {_first_line(error)}") from None
    known = _CREDENTIALS.get(_NAMES_OF.get(scheme, scheme))
    where = f"; credentials are taken from the environment: {known}" if known else ""
    try:
        with files.open(address, "rb") as inside, open(target, "wb") as outside:
            shutil.copyfileobj(inside, outside)
    except FileNotFoundError:
        raise NoAsset(f"{masked(address)}: no such bucket or file, as far as may be seen here") from None
    except PermissionError as error:
        raise NoAsset(f"{masked(address)}: may not be read ({_first_line(error)}){where}") from None
    except Exception as error:  # noqa: BLE001 - the drivers' own errors (no credentials, no connection) have no common kind
        raise NoAsset(f"{masked(address)}: {_first_line(error)}{where}") from None


def _first_line(error: Exception) -> str:
    lines = masked(str(error)).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
