"""Workers whose server goes away for a while."""

import threading
import time
from contextlib import closing, suppress

import pytest

import datajoint as dj

PATIENCE = 300

pytestmark = pytest.mark.backends("postgresql", "mysql")


@pytest.mark.statement("POP-24", "TXN-3")
def test_a_worker_outlives_a_restart_of_its_server(throwaway, schema_name):
    instances = [dj.Instance(**{**throwaway.server.settings, "safemode": False}) for _ in range(2)]
    schema = instances[0].Schema(schema_name())

    @schema
    class Subject(dj.Manual):
        definition = "subject_id : int32"

    @schema
    class Fit(dj.Computed):
        definition = "-> Subject"

        def make(self, key):
            self.insert1(key)

    elsewhere = instances[1].Schema(schema.database)

    def made(n):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with suppress(dj.DataJointError):
                if n == len(elsewhere.get_table("Fit")):
                    return True
            time.sleep(0.05)
        return False

    worker = dj.Worker(Fit, poll=3600)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        elsewhere.get_table("Subject").insert1({"subject_id": 1})
        assert made(1)
        throwaway.restart()
        elsewhere.get_table("Subject").insert1({"subject_id": 2})
        assert made(2)
        throwaway.stop()
        end = time.monotonic() + PATIENCE
        while worker.status()["state"] != "out of reach" and time.monotonic() < end:
            time.sleep(0.05)
        assert "out of reach" == worker.status()["state"]
        throwaway.start()
        elsewhere.get_table("Subject").insert1({"subject_id": 3})
        assert made(3)
        elsewhere.connection.catalog.clear()
        assert [0] == [len(jobs) for jobs in elsewhere.jobs]
    finally:
        worker.stop()
        thread.join(PATIENCE)
        for instance in instances:
            instance.close()
    assert not thread.is_alive()


@pytest.mark.statement("TXN-3", "JOB-6", "JOB-14")
def test_what_a_populate_has_lost_with_its_server_is_made_by_the_next(throwaway, schema_name):
    """Which goes by the same connection, whose number, on MariaDB, is the same after the start."""
    settings = {**throwaway.server.settings, "safemode": False, "jobs__lease": 1}
    stopped = []
    with closing(dj.Instance(**settings)) as instance:
        schema = instance.Schema(schema_name())

        @schema
        class Subject(dj.Manual):
            definition = "subject_id : int32"

        @schema
        class Fit(dj.Computed):
            definition = "-> Subject"

            def make(self, key):
                if not stopped:
                    stopped.append(throwaway.stop())
                self.insert1(key)

        Subject.insert({"subject_id": n} for n in range(3))
        with pytest.raises(dj.errors.LostConnectionError):
            Fit.populate(reserve_jobs=True)
        throwaway.start()
        assert (3, 0) == (len(Fit.jobs.pending), len(Fit.jobs.reserved))  # released by the first statement
        end = time.monotonic() + PATIENCE
        while len(Subject - Fit) and time.monotonic() < end:
            Fit.populate(reserve_jobs=True)
        assert (3, 0) == (len(Fit()), len(Fit.jobs))
