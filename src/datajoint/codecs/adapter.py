"""The base of adapters of releases before 2.0, which existing classes derive from."""

from __future__ import annotations

from datajoint.errors import CodecError

__all__ = ["AttributeAdapter"]


class AttributeAdapter:
    """Base of the adapters of releases before 2.0; it can be derived from, not used: codecs do that now."""

    def __init__(self) -> None:
        raise CodecError(
            f"{type(self).__name__} is an adapter of releases before 2.0.",
            hint="Derive from dj.Codec: encode() in place of put(), decode() in place of get(), and "
            "get_dtype() in place of attribute_type.",
        )
