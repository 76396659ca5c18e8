"""What every executor has to bear: those that come with DataJoint, on every database."""

import os
import signal

import pytest

from datajoint.compute.executors.dask import DaskExecutor
from datajoint.compute.executors.local import LocalExecutor
from datajoint.compute.executors.processes import ProcessExecutor
from datajoint.testing import ExecutorTests, InProcessExecutorTests
from datajoint.testing.executors import subjects


class OnBackends:
    output = 2 * 10**7

    @pytest.fixture
    def database_settings(self, connect):
        config = connect().config
        given = {f"database__{name}": value for name, value in dict(config.database).items()}
        return {name: str(v) if isinstance(v, str) else v for name, v in given.items() if v is not None}

    @pytest.fixture
    def schema_of_test(self, schema_name):
        return schema_name()


class TestLocal(OnBackends, InProcessExecutorTests):
    @pytest.fixture
    def executor(self):
        return LocalExecutor()


class TestProcesses(OnBackends, ExecutorTests):
    @pytest.fixture
    def executor(self):
        executor = ProcessExecutor(2)
        yield executor
        executor.close()


@pytest.fixture(scope="module")
def dask_client():
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


class TestDask(OnBackends, ExecutorTests):
    @pytest.fixture
    def executor(self, dask_client):
        executor = DaskExecutor(client=dask_client)
        yield executor
        executor.close()

    def test_a_worker_that_is_killed(self, executor, pipeline, dask_client):
        """Its key is given to another worker, and made once."""
        subjects(pipeline, *["slow"] * 6)
        pids = dask_client.run(os.getpid)
        os.kill(next(iter(pids.values())), signal.SIGKILL)
        assert 6 == pipeline.Fit.populate(executor=executor)["success_count"]
