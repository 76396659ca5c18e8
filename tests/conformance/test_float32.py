"""A float32 is the shortest number that means it, everywhere, and is compared after rounding."""

import numpy as np
import pytest

import datajoint as dj
from datajoint.errors import CheckError, DuplicateError

GIVEN = (15.3, 0.1, -2.7e-7, 1e-40, 3.4e38, 1 / 3, 0.0, 1048576.25)
SHORT = tuple(float(str(np.float32(value))) for value in GIVEN)


@pytest.fixture
def probe(schema):
    @schema
    class Probe(dj.Manual):
        definition = """
        depth : float32
        ---
        gain=null : float32
        note='' : varchar(20)
        """

    Probe.insert({"depth": value, "gain": value} for value in GIVEN)
    return Probe


@pytest.mark.statement("TYP-3", "FET-8")
def test_a_float32_comes_back_as_the_shortest_number_that_means_it(probe):
    assert sorted(SHORT) == sorted(row["gain"] for row in probe.to_dicts())
    assert sorted(SHORT) == sorted(row["gain"] for row in probe)
    assert sorted(SHORT) == sorted(key["depth"] for key in list(probe.keys()))
    array = probe.to_arrays("gain")
    assert array.dtype == np.float64
    assert sorted(SHORT) == sorted(array)
    whole = probe.to_arrays()
    assert whole.dtype["gain"] == np.float64
    assert sorted(SHORT) == sorted(whole["gain"])
    numbers = (probe.proj("gain")).to_arrays()
    assert sorted(SHORT) == sorted(numbers["gain"]) == sorted(numbers["depth"])
    frame = probe.to_pandas()
    assert frame["gain"].dtype == np.float64
    assert sorted(SHORT) == sorted(frame["gain"])
    assert sorted(SHORT) == sorted(frame.index)
    assert 15.3 == (probe & {"depth": 15.3}).fetch1("gain")
    assert 15.3 == (probe & {"depth": 15.3}).proj(x="gain").fetch1("x")
    assert max(SHORT) == dj.U().aggr(probe, top="max(gain)").fetch1("top")


@pytest.mark.statement("TYP-3", "FET-8")
def test_many_float32_with_missing_ones_are_short_as_well(probe):
    values = [n / 100 if n % 7 else None for n in range(1, 400)]
    probe.insert([{"depth": 1000 + n, "gain": value} for n, value in enumerate(values)])
    some = (probe & "depth >= 1000 and depth < 2000").proj("gain")
    assert values == [row["gain"] for row in some.to_dicts(order_by="depth")]
    array = some.to_arrays(order_by="depth")["gain"]
    assert [value for value in values if value is not None] == [
        value for value in array if not np.isnan(value)
    ]
    assert values[0] == some.head(1)[0]["gain"]


@pytest.mark.statement("TYP-3", "QRY-11", "QRY-64")
def test_what_was_fetched_finds_its_row(probe, schema):
    for value, short in zip(GIVEN, SHORT, strict=True):
        exact = float(np.float32(value))
        for given in (value, short, exact, np.float32(value), np.float64(short), str(short)):
            assert 1 == len(probe & {"depth": given}), given
            assert 1 == len(probe & {"gain": given}), given
            assert 1 == len(probe & {"gain": [given, 7]}), given
            assert 1 == len(probe & [{"gain": given}, {"gain": 7}]), given
        assert 1 == len(probe & f"gain = {short!r}")
        assert 1 == len(probe & f"gain in ({short!r}, 7)")
        assert 1 == len(probe & f"gain between {short!r} and {short!r}")
    assert len(GIVEN) == len(probe & probe.keys()) == len(probe & probe.to_dicts())
    assert len(GIVEN) == len(probe & probe.to_arrays())
    assert all(key in probe for key in list(probe.keys()))
    assert 0 == len(probe & {"gain": 15.3001})

    @schema
    class Unit(dj.Manual):
        definition = "-> Probe\nunit : int32"

    Unit.insert({**key, "unit": n} for n, key in enumerate(probe.keys()))
    assert len(GIVEN) == len(probe * Unit) == len(probe & Unit) == len(Unit & probe.keys())
    assert sorted(SHORT) == sorted(Unit.to_arrays("depth"))


@pytest.mark.statement("TYP-3", "UPD-1", "DEL-1", "INS-4", "INS-6")
def test_rows_are_changed_by_a_float32_key(probe):
    probe.update1({"depth": 15.3, "gain": 0.7})
    assert 0.7 == (probe & {"depth": 15.3}).fetch1("gain")
    with pytest.raises(DuplicateError, match=r"depth=15\.3 exists"):
        probe.insert1({"depth": 15.3})
    probe.insert1({"depth": 15.3, "gain": 1}, skip_duplicates=True)
    probe.insert1({"depth": 15.3, "gain": 0.9}, replace=True)
    assert 0.9 == (probe & {"depth": 15.3}).fetch1("gain")
    assert 1 == (probe & {"depth": 15.3}).delete(prompt=False)
    assert not probe & {"depth": np.float32(15.3)}


@pytest.mark.statement("TYP-3")
def test_a_check_of_a_float32_means_the_same_before_and_in_the_database(schema):
    @schema
    class Level(dj.Manual):
        definition = """
        id : int32
        ---
        level : float32
        check low (level <= 15.3)
        """

    Level.insert1({"id": 1, "level": 15.3})
    assert all(Level.run_checks())
    with pytest.raises(CheckError):
        Level.insert1({"id": 2, "level": 15.4})


@pytest.mark.parametrize("options", [{}, {"reserve_jobs": True}])
@pytest.mark.statement("TYP-3", "POP-1")
def test_a_table_is_computed_by_float32_keys(probe, schema, options):
    @schema
    class Twice(dj.Computed):
        definition = "-> Probe\n---\ntwice : float64"

        def make(self, key):
            self.insert1({**key, "twice": 2 * (probe & key).fetch1("gain")})

    result = Twice.populate(**options)
    assert len(GIVEN) == result["success_count"]
    assert not result["error_list"]
    assert (0, len(GIVEN)) == tuple(Twice.progress())
    assert 0 == Twice.populate(**options)["success_count"]
    assert 30.6 == (Twice & {"depth": 15.3}).fetch1("twice")
