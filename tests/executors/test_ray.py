"""What every executor has to bear: Ray, on every database."""

import pytest

from datajoint.executors import RayExecutor
from datajoint.testing import ExecutorTests

from .test_on_every_database import KilledWorkers, OnBackends

ray = pytest.importorskip("ray", reason="ray is not installed: pip install 'datajoint[ray]'")

pytestmark = pytest.mark.filterwarnings("ignore")  # of Ray itself


@pytest.fixture(scope="module")
def started():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


class TestRay(OnBackends, KilledWorkers, ExecutorTests):
    @pytest.fixture
    def executor(self, started):
        executor = RayExecutor()
        yield executor
        executor.close()
