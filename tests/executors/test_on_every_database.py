"""What every executor has to bear: those that come with DataJoint, on every database."""

from contextlib import contextmanager

import pytest

from datajoint.executors.dask import DaskExecutor
from datajoint.executors.local import LocalExecutor
from datajoint.executors.processes import ProcessExecutor
from datajoint.testing import ExecutorTests, InProcessExecutorTests
from datajoint.testing.executors import errors, subjects


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

    def test_a_stop_that_comes_late_costs_the_next_key_nothing(self, executor, pipeline):
        """It finds processes that make nothing, and leaves them."""
        for n in range(2):
            subjects(pipeline, "", first=n)
            assert 1 == pipeline.Fit.populate(executor=executor)["success_count"]
            executor.interrupt()
        assert 1 == len(set(pipeline.Fit.to_arrays("pid").tolist()))


class KilledWorkers:
    """Clusters whose workers start a process for the makes."""

    def test_a_worker_that_is_killed(self, executor, pipeline):
        """Its key is given to another worker, and made once."""
        subjects(pipeline, "", "worker_once", "")
        result = pipeline.Fit.populate(executor=executor, suppress_errors=True, reserve_jobs=True)
        assert {"success_count": 3, "error_list": []} == result
        assert (0, 3) == pipeline.Fit.progress()
        assert 0 == len(pipeline.Fit.jobs)


@pytest.fixture(scope="module")
def dask_client():
    with cluster(2) as client:
        yield client


@contextmanager
def cluster(workers, failures=3):
    import dask
    from distributed import Client, LocalCluster

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": failures}),
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0") as one,
        Client(one, set_as_default=False) as client,
    ):
        yield client


class TestDask(OnBackends, KilledWorkers, ExecutorTests):
    @pytest.fixture
    def executor(self, dask_client):
        executor = DaskExecutor(client=dask_client)
        yield executor
        executor.close()


@pytest.mark.backends("sqlite")
class TestDaskGivesUp(OnBackends):
    pipeline = ExecutorTests.pipeline

    def test_a_key_that_kills_its_workers_is_one_error(self, pipeline):
        subjects(pipeline, "worker_always")
        with cluster(1, failures=0) as client:
            executor = DaskExecutor(client=client)
            result = pipeline.Fit.populate(executor=executor, suppress_errors=True, reserve_jobs=True)
        assert 0 == result["success_count"]
        assert "Workers died while making `Fit`" in errors(result)[0]
        counts = pipeline.Fit.jobs.progress()
        assert (0, 0, 1) == (counts["pending"], counts["reserved"], counts["error"])
