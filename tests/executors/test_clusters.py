"""Workers that clusters start: what is written for SLURM and Kubernetes is understood there, and runs."""

import json
import os
import stat
import subprocess
import sys

import kubernetes_validate
import pytest
import yaml

import datajoint as dj
from datajoint.errors import ComputeError, ConfigurationError
from datajoint.executors import kubernetes, slurm
from datajoint.testing.executors import subjects

from .test_on_every_database import OnBackends

SBATCH = """#!{python}
# A stand-in for sbatch: it takes the script from standard input, reads the options in it, and runs the array.
import os, re, subprocess, sys

script = sys.stdin.read()
assert script.startswith("#!/bin/bash\\n"), script
options = dict(re.findall(r"^#SBATCH --([a-z-]+)=?(.*)$", script, re.M))
if options.get("partition") == "none":
    sys.exit("sbatch: error: invalid partition specified: none")
first, last = map(int, options["array"].split("-"))
started = [
    subprocess.Popen(["bash", "-s"], stdin=subprocess.PIPE, text=True,
                     env={{**os.environ, "SLURM_ARRAY_TASK_ID": str(n)}})
    for n in range(first, last + 1)
]
for process in started:
    process.stdin.write(script)
    process.stdin.close()
if any([process.wait() for process in started]):
    sys.exit("a job of the array has failed")
assert sys.argv[1:] == ["--parsable"], sys.argv
print("4711;cluster")
"""


class Pipeline(OnBackends):
    """The pipeline of the executors' tests, as a mixin."""

    from datajoint.testing import InProcessExecutorTests as _Tests

    pipeline = _Tests.pipeline


@pytest.fixture
def sbatch(tmp_path, monkeypatch):
    program = tmp_path / "bin" / "sbatch"
    program.parent.mkdir()
    program.write_text(SBATCH.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")


class TestSlurm(Pipeline):
    def test_an_array_of_workers_shares_the_queue(self, pipeline, sbatch):
        subjects(pipeline, "meets", "meets", "", "")
        array = slurm(pipeline.Fit, workers=2)
        assert "4711" == array.submit()
        assert (0, 4) == pipeline.Fit.progress()
        assert 2 == len(set(pipeline.Fit.to_arrays("pid").tolist()))
        assert 0 == len(pipeline.Fit.jobs)

    @pytest.mark.backends("sqlite")
    def test_hints_become_options(self, pipeline):
        pipeline.Fit.resources = {"cpus": 1.5, "memory": "8 GB", "gpus": 1, "time": "2h"}
        lines = slurm(pipeline, workers=3, options={"partition": "gpu", "requeue": None}).script.splitlines()
        expected = {
            "array=1-3", "cpus-per-task=2", "mem=7630M", "gpus=1", "time=0-20:00:00", "partition=gpu",
            "signal=B:TERM@60",
        }  # fmt: skip
        assert expected <= {line.removeprefix("#SBATCH --") for line in lines}
        assert "#SBATCH --requeue" not in lines
        assert "#SBATCH --time=1-12:00:00" in slurm(pipeline, time="36h").script
        plain = slurm(pipeline.Fit, setup=["module load cuda"], folder="/data/my lab").script
        assert "cd '/data/my lab'\nmodule load cuda\nexec " in plain
        subprocess.run(["bash", "-n"], input=plain, text=True, check=True)

    @pytest.mark.backends("sqlite")
    def test_what_is_wrong_is_said_before_anything_is_submitted(self, pipeline, sbatch):
        with pytest.raises(ComputeError, match="refused the jobs: sbatch: error: invalid partition"):
            slurm(pipeline, options={"partition": "none"}).submit()
        with pytest.raises(ComputeError, match="several lines"):
            slurm(pipeline, options={"partition": "a\nrm -r x"})
        with pytest.raises(ComputeError, match="cannot be the name"):
            slurm(pipeline, name="My jobs")
        with pytest.raises(ComputeError, match="'nothing' is not found"):
            slurm(pipeline).submit(["nothing"])
        with pytest.raises(ConfigurationError, match="time = 'soon'"):
            slurm(pipeline, time="soon")

        @pipeline.schema
        class Local(dj.Computed):
            definition = "-> Subject"

            def make(self, key):
                self.insert1(key)

        with pytest.raises(ComputeError, match="defined in a function"):
            slurm(Local)


@pytest.mark.backends("sqlite")
class TestKubernetes(Pipeline):
    @pytest.mark.parametrize("hints", [None, {"cpus": 2, "memory": "8 GB", "gpus": 1}])
    @pytest.mark.parametrize("version", ["1.29.0", "1.37.0"])
    def test_the_manifest_is_valid(self, pipeline, hints, version):
        if hints:
            pipeline.Fit.resources = hints
        job = kubernetes(
            pipeline, image="lab/pipeline:1.2", workers=4, namespace="lab", secret="database",
            environment={"DJ_HOST": "db.lab", "ODD": "yes: 'no' # \"maybe\""},
        )  # fmt: skip
        kubernetes_validate.validate(job.manifest, version, strict=True)
        assert job.manifest == yaml.safe_load(job.yaml()) == json.loads(job.json())

    def test_hints_become_requests_and_limits(self, pipeline):
        pipeline.Fit.resources = {"cpus": 0.5, "memory": "1 GiB", "gpus": 1}
        job = kubernetes(pipeline.Fit, image="lab/pipeline:1.2", gpu="amd.com/gpu").manifest
        (container,) = job["spec"]["template"]["spec"]["containers"]
        limits = {"memory": str(2**30), "amd.com/gpu": "1"}
        assert {"requests": {"cpu": "0.5", **limits}, "limits": limits} == container["resources"]

    def test_its_command_is_a_worker(self, pipeline, tmp_path, monkeypatch):
        subjects(pipeline, "", "")
        job = kubernetes(pipeline.Fit, image="lab/pipeline:1.2", python=sys.executable).manifest
        (container,) = job["spec"]["template"]["spec"]["containers"]
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        subprocess.run(container["command"], check=True)
        assert (0, 2) == pipeline.Fit.progress()
