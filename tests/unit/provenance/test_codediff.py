"""How code differs from what ran: piece by piece, wherever its module is."""

from datajoint.provenance.tracing.codediff import code_diff

ONE, TWO = "def f():\n    return 1", "def f():\n    return 2"


def test_equal_code_has_no_diff():
    assert "" == code_diff({"lab.f": ONE}, {"lab.f": ONE})


def test_a_module_by_another_name_is_no_difference():
    assert "" == code_diff({"__main__.f": ONE, "lab.g": TWO}, {"lab.f": ONE, "lab.g": TWO})


def test_pieces_are_compared_by_name_whatever_their_module():
    lines = code_diff({"__main__.Fit.make": ONE}, {"lab.Fit.make": TWO}).splitlines()
    assert ["--- __main__.Fit.make  as it ran", "+++ lab.Fit.make  as it is"] == lines[:2]
    assert ["-    return 1", "+    return 2"] == lines[-2:]


def test_the_main_program_is_a_module_by_its_name():
    assert "--- __main__.f  as it ran\n+++ lab.stages.f  as it is" in code_diff(
        {"__main__.f": ONE}, {"lab.stages.f": TWO}
    )


def test_pieces_of_one_name_are_told_apart_by_their_class():
    old = {"lab.Fit.make": ONE, "lab.Scan.make": ONE.replace("1", "7")}
    new = {"lab.Fit.make": TWO, "lab.Scan.make": ONE.replace("1", "7")}
    assert 1 == code_diff(old, new).count("+++")


def test_pieces_come_and_go():
    lines = code_diff({"lab.f": ONE}, {"lab.g": "def g():\n    pass"}).splitlines()
    assert "--- lab.f  as it ran" in lines
    assert "+++ lab.f  is not reached any more" in lines
    assert "--- lab.g  was not there" in lines
    assert "+def g():" in lines
