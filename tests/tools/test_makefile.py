"""The variables that the Makefile hands to the installers."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def environment_of_recipes(**given):
    """Return the environment of a recipe where make was started with nothing but PATH and what is given."""
    command = ["make", "--no-print-directory", "--eval=environment: ; @env", "environment"]
    found = subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **given},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split("=", 1) for line in found.stdout.splitlines() if "=" in line)


def test_uv_trusts_the_certificates_of_the_system():
    """Else the set-up fails behind a proxy that inspects TLS (M5 front door)."""
    assert "1" == environment_of_recipes()["UV_SYSTEM_CERTS"]


def test_what_the_user_sets_for_uv_holds():
    given = {"UV_SYSTEM_CERTS": "0", "SSL_CERT_FILE": "own.pem"}
    found = environment_of_recipes(**given)
    assert given == {name: found[name] for name in given}
