"""The result of a validation."""

import pytest

from datajoint.errors import DataJointError
from datajoint.table.insert.validate import ValidationResult


def test_nothing_wrong():
    result = ValidationResult([], 3)
    assert result
    assert result.is_valid
    assert "Validation passed: 3 row(s) checked" == result.summary()
    assert result.raise_if_invalid() is None


def test_something_wrong():
    result = ValidationResult([(n, "a" if n else None, f"wrong {n}") for n in range(12)], 20)
    assert not result
    lines = result.summary().splitlines()
    assert "Validation failed: 12 error(s) in 20 row(s)" == lines[0]
    assert ["  Row 0: wrong 0", "  Row 1, `a`: wrong 1"] == lines[1:3]
    assert "  and 2 more" == lines[-1]
    with pytest.raises(DataJointError) as caught:
        result.raise_if_invalid()
    assert result.errors == caught.value.context["errors"]
