"""What every executor has to bear: Ray, on every database."""

import os
import signal

import pytest
from datajoint.executors import RayExecutor

from datajoint.testing import ExecutorTests
from datajoint.testing.executors import subjects

from .test_on_every_database import OnBackends

ray = pytest.importorskip("ray", reason="ray is not installed: pip install 'datajoint[ray]'")

pytestmark = pytest.mark.filterwarnings("ignore")  # of Ray itself


@pytest.fixture(scope="module")
def started():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


class TestRay(OnBackends, ExecutorTests):
    @pytest.fixture
    def executor(self, started):
        executor = RayExecutor()
        yield executor
        executor.close()

    def test_a_worker_that_is_killed(self, executor, pipeline):
        """Its key is given to another worker, and made once."""

        @ray.remote
        def pid():
            return os.getpid()

        subjects(pipeline, *["slow"] * 6)
        os.kill(ray.get(pid.remote()), signal.SIGKILL)
        assert 6 == pipeline.Fit.populate(executor=executor)["success_count"]
