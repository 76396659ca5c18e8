"""The recorded blobs of earlier releases: every byte of what we write, every value of what we read."""

from __future__ import annotations

import collections
import datetime as dt
import json
import uuid
import warnings
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datajoint.codecs.blob import MatCell, MatStruct, pack, unpack
from datajoint.errors import DecodeError, EncodeError

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[2] / "fixtures" / "blob_vectors.json").read_text()
)
NAMES = {"np": np, "uuid": uuid, "datetime": dt, "collections": collections, "Decimal": Decimal,
         "MatCell": MatCell, "MatStruct": MatStruct}  # fmt: skip
NON_ASCII = "matlab_char_non_ascii"


def named(kind: str) -> list[Any]:
    return [pytest.param(vector, id=vector["name"]) for vector in VECTORS[kind]]


def evaluated(vector: dict[str, Any]) -> Any:
    return eval(vector["expr"], dict(NAMES))


def quietly_packed(value: Any) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pack(value, compress=False)


def check_decoded(vector: dict[str, Any], value: Any) -> None:
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    expected_name = vector["decoded_type"].replace("datajoint.blob.", "datajoint.codecs.blob.matlab.")
    assert expected_name in (name, name.replace("numpy.bool_", "numpy.bool"))
    assert vector["decoded"] == repr(value)
    if "decoded_dtype" in vector:
        assert vector["decoded_dtype"] == str(value.dtype)
        assert tuple(vector["decoded_shape"]) == value.shape


@pytest.mark.parametrize("vector", named("encode"))
def test_written_bytes(vector: dict[str, Any]) -> None:
    assert vector["hex"] == quietly_packed(evaluated(vector)).hex()


@pytest.mark.parametrize("vector", named("encode"))
def test_read_again(vector: dict[str, Any]) -> None:
    value = unpack(bytes.fromhex(vector["hex"]))
    check_decoded(vector, value)
    if vector["repack_identical"]:
        assert vector["hex"] == quietly_packed(value).hex()


@pytest.mark.parametrize("vector", named("decode_only"))
def test_read(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["hex"])
    if vector["name"] == NON_ASCII:
        assert ["\u0394"] == unpack(data).tolist()
    elif "error" in vector or vector["name"] == "unknown_header":
        with pytest.raises(DecodeError):
            unpack(data)
    else:
        check_decoded(vector, unpack(data, use_32bit_dims=vector.get("dims32", False)))


@pytest.mark.parametrize("vector", named("rejected"))
def test_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(EncodeError, match="cannot hold"):
        pack(evaluated(vector))
