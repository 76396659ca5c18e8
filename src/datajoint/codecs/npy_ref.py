"""Handles of arrays in stores: shape and type are known, the numbers are read when they are needed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from datajoint.codecs.object_ref import ObjectRef
from datajoint.errors import CorruptObjectError, DecodeError
from datajoint.heading.values import show

if TYPE_CHECKING:
    import numpy as np

    from datajoint.settings.config import Config

__all__ = ["NpyRef"]


class NpyRef:
    """An array in a store; it is read on first use, once.

    Parameters
    ----------
    metadata
        The record that a row holds: ``path``, ``store``, ``dtype``, ``shape``.
    config
        Settings that describe the store.

    Examples
    --------
    >>> NpyRef({"path": "a.npy", "store": "main", "dtype": "float32", "shape": [2, 3]})
    NpyRef(shape=(2, 3), dtype=float32, not loaded)
    """

    __slots__ = ("_config", "_loaded", "_metadata", "_shape")

    def __init__(self, metadata: Mapping[str, Any], config: Config | None = None) -> None:
        if not isinstance(metadata.get("path"), str) or "shape" not in metadata or "dtype" not in metadata:
            raise DecodeError(
                f"{show(metadata)} is no record of an array: it lacks `path`, `shape` or `dtype`."
            )
        self._metadata = dict(metadata)
        self._shape = tuple(int(n) for n in metadata["shape"])
        self._config = config
        self._loaded: Any = None

    @property
    def path(self) -> str:
        """Path of the file, relative to the store."""
        return str(self._metadata["path"])

    @property
    def store(self) -> str | None:
        """Name of the store."""
        return self._metadata.get("store") or None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array, without reading it."""
        return self._shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of its elements, without reading it."""
        import ast

        import numpy as np

        text = str(self._metadata["dtype"])
        return np.dtype(ast.literal_eval(text) if text.startswith("[") else text)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self._shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self._shape)

    @property
    def nbytes(self) -> int:
        """Bytes of its elements."""
        return self.size * self.dtype.itemsize

    @property
    def is_loaded(self) -> bool:
        """Whether it has been read."""
        return self._loaded is not None

    def to_json(self) -> dict[str, Any]:
        """Return the record as a row holds it.

        Examples
        --------
        >>> NpyRef({"path": "a.npy", "store": "main", "dtype": "<f4", "shape": [2]}).to_json()["shape"]
        [2]
        """
        return dict(self._metadata)

    def load(self, mmap_mode: str | None = None) -> Any:
        """Return the array; it is read once.

        Parameters
        ----------
        mmap_mode
            ``r`` or ``c``: map the file into memory instead, so that only the parts that are used are read.
            The file of a local store is mapped itself, never changed; one of a bucket is downloaded first.

        Raises
        ------
        MissingExternalFile
            The file does not exist.
        CorruptObjectError
            The file is no array, or not that of the record.

        Examples
        --------
        >>> NpyRef({"path": "a.npy", "dtype": "<f4", "shape": [2]}).load("r+")
        Traceback (most recent call last):
        datajoint.errors.DecodeError: The array of a row cannot be changed: mmap_mode is 'r' or 'c', not 'r+'.
        """
        if mmap_mode is not None:
            return self._mapped(mmap_mode)
        if self._loaded is None:
            self._loaded = self._checked(BytesIO(self._ref.read()))
        return self._loaded

    def _mapped(self, mode: str) -> Any:
        if mode not in ("r", "c"):
            raise DecodeError(f"The array of a row cannot be changed: mmap_mode is 'r' or 'c', not {mode!r}.")
        ref = self._ref
        local = ref.local_path()
        if local is not None:
            return self._checked(local, mode)
        from tempfile import TemporaryDirectory

        with TemporaryDirectory() as folder:  # the mapping outlives the name of the file
            return self._checked(str(ref.download(folder)), mode)

    def _checked(self, file: str | BytesIO, mode: Any = None) -> Any:
        """Read the array, and compare it with the record."""
        import numpy as np

        try:
            array = np.load(file, mmap_mode=mode, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            if isinstance(error, FileNotFoundError):
                self._ref.read(0, 1)  # which says so in our words
            raise CorruptObjectError(f"{self.path} is no NumPy file, or a damaged one: {error}.") from error
        if array.shape != self._shape or array.dtype != self.dtype:
            raise CorruptObjectError(
                f"{self.path} holds an array of shape {array.shape} and type {array.dtype}, "
                f"not {self._shape} and {self.dtype} as recorded."
            )
        return array

    @property
    def _ref(self) -> ObjectRef:
        return ObjectRef(self.path, store=self.store, config=self._config)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        array = self.load()
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def __getitem__(self, key: Any) -> Any:
        return self.load()[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.load())

    def __len__(self) -> int:
        if not self._shape:
            raise TypeError("len() of an array without dimensions")
        return self._shape[0]

    def __repr__(self) -> str:
        state = "loaded" if self.is_loaded else "not loaded"
        return f"NpyRef(shape={self._shape}, dtype={self._metadata['dtype']}, {state})"
