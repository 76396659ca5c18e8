"""A store in a bucket of S3, Google Cloud Storage or Azure, spoken to with obstore."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from io import BufferedReader, RawIOBase
from typing import Any, BinaryIO

from datajoint.errors import BucketInaccessible, ConfigurationError, MissingExternalFile, StorageError
from datajoint.storage.medium import Entry, Medium, Source

__all__ = ["Bucket"]

_LISTED = 1000
_RETRIES = {"max_retries": 5, "retry_timeout": timedelta(seconds=60)}
"""A server that does not answer is an error after some seconds, not after minutes."""

_SHORT = 300
_REFUSED = ("PermissionDeniedError", "UnauthenticatedError")
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist")


class Bucket(Medium):
    """Objects below a prefix of a bucket or container.

    Parameters
    ----------
    spec
        The description of the store, checked: protocol, bucket or container, location, credentials.
        Credentials that are not given are those of the environment.

    Examples
    --------
    >>> Bucket({"protocol": "s3", "endpoint": "127.0.0.1:9000", "bucket": "lab", "location": "raw"}).place
    's3://lab/raw'
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        protocol, location = spec["protocol"], str(spec["location"]).strip("/")
        holder = spec.get("container") or spec["bucket"]
        self.place = f"{_SCHEMES[protocol]}://{holder}/{location}".rstrip("/")
        self._api: Any = _obstore()
        kind = getattr(self._api.store, _KINDS[protocol])
        self._store: Any = kind(holder, prefix=location or None, **_OPTIONS[protocol](spec))

    def sign(self, path: str, seconds: float) -> str:
        """Return a URL by which anybody may read an object for some time."""
        with self._explained(path):
            return str(self._api.sign(self._store, "GET", path, timedelta(seconds=seconds)))

    def read(self, path: str) -> bytes:
        """Return the content of an object."""
        with self._explained(path):
            return bytes(self._api.get(self._store, path).bytes())

    def open(self, path: str) -> BinaryIO:
        """Return an object as a file; what is read is fetched by ranges."""
        with self._explained(path):
            return BufferedReader(_Ranges(self._api.open_reader(self._store, path)))

    def write(self, path: str, source: Source) -> None:
        """Write an object, in parts where it is large."""
        with self._explained(path):
            self._api.put(self._store, path, source)

    def create(self, path: str, data: bytes) -> bool:
        """Write an object unless it exists; the bucket decides."""
        with self._explained(path):
            try:
                self._api.put(self._store, path, data, mode="create")
            except self._api.exceptions.AlreadyExistsError:
                return False
        return True

    def find(self, path: str) -> Entry | None:
        """Return size and time of an object."""
        try:
            with self._explained(path):
                return _entry(self._api.head(self._store, path))
        except MissingExternalFile:
            return None

    def touch(self, path: str) -> bool:
        """Return False: a bucket sets the time of an object only when it is written."""
        return False

    def delete(self, path: str) -> bool:
        """Delete an object."""
        found = self.find(path) is not None
        with self._explained(path):
            self._api.delete(self._store, path)
        return found

    def move(self, old: str, new: str) -> None:
        """Copy an object within the bucket and delete the first."""
        with self._explained(old):
            self._api.rename(self._store, old, new)

    def listing(self, prefix: str) -> Iterator[Entry]:
        """Yield the objects below a prefix, a thousand at a time."""
        with self._explained(prefix):
            for part in self._api.list(self._store, prefix or None, chunk_size=_LISTED):
                for found in part:
                    yield _entry(found)

    @contextmanager
    def _explained(self, path: str) -> Generator[None]:
        try:
            yield
        except (OSError, ValueError, self._api.exceptions.BaseError) as error:
            raise self._translated(path, error) from error

    def _translated(self, path: str, error: Exception) -> StorageError:
        if any(text in str(error) for text in _NO_BUCKET):
            return self._inaccessible(error, "does not exist")
        if isinstance(error, FileNotFoundError):
            return MissingExternalFile(f"There is no object {path} in {self.place}.")
        if type(error).__name__ in _REFUSED:
            return self._inaccessible(error, "refuses access")
        return self._failed(path, error)

    def _failed(self, path: str, error: Exception) -> StorageError:
        return StorageError(
            f"{path or 'The listing'} in {self.place}: {_short(error)}",
            hint="Check the network, the endpoint and the credentials of the store, and try again.",
        )

    def _inaccessible(self, error: Exception, what: str) -> BucketInaccessible:
        holder = self.place.partition("://")[2].partition("/")[0]
        return BucketInaccessible(
            f"The bucket {holder} {what}: {_short(error)}",
            hint="Check its name, endpoint and credentials in the description of the store.",
        )


class _Ranges(RawIOBase):
    """A reader of obstore as the raw file that a buffered one asks for."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._reader.read(len(buffer))
        buffer[: len(data)] = memoryview(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._reader.seek(offset, whence)

    def tell(self) -> int:
        return self._reader.tell()

    def close(self) -> None:
        if not self.closed:
            self._reader.close()
        super().close()


def _entry(found: Mapping[str, Any]) -> Entry:
    return Entry(found["path"], found["size"], found["last_modified"].timestamp())


def _short(error: Exception) -> str:
    return " ".join(str(error).partition("Debug source:")[0].split())[:_SHORT]


def _obstore() -> Any:
    try:
        obstore = import_module("obstore")
        import_module("obstore.exceptions")
        import_module("obstore.store")
    except ImportError as error:
        raise ConfigurationError(
            "Stores in buckets need the package obstore.", hint="Install it: pip install 'datajoint[s3]'."
        ) from error
    return obstore


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _s3(spec: Mapping[str, Any]) -> dict[str, Any]:
    endpoint = str(spec.get("endpoint") or "")
    if endpoint and "://" not in endpoint:
        endpoint = f"{'https' if spec.get('secure') else 'http'}://{endpoint}"
    plain = endpoint.startswith("http://")
    client = _given(allow_http=plain or None, proxy_url=spec.get("proxy_server"))
    return _given(
        endpoint=endpoint or None,
        access_key_id=spec.get("access_key"),
        secret_access_key=spec.get("secret_key"),
        region="us-east-1" if endpoint else None,
        client_options=client or None,
        virtual_hosted_style_request=False,
        retry_config=_RETRIES,
    )


def _gcs(spec: Mapping[str, Any]) -> dict[str, Any]:
    return _given(application_credentials=spec.get("token"), retry_config=_RETRIES)


def _azure(spec: Mapping[str, Any]) -> dict[str, Any]:
    parts = dict(
        part.split("=", 1) for part in str(spec.get("connection_string") or "").split(";") if "=" in part
    )
    return _given(
        account_name=spec.get("account_name") or parts.get("AccountName"),
        account_key=spec.get("account_key") or parts.get("AccountKey"),
        endpoint=parts.get("BlobEndpoint"),
        retry_config=_RETRIES,
    )


_OPTIONS = {"s3": _s3, "gcs": _gcs, "azure": _azure}
_KINDS = {"s3": "S3Store", "gcs": "GCSStore", "azure": "AzureStore"}
_SCHEMES = {"s3": "s3", "gcs": "gs", "azure": "az"}
