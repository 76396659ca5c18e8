"""For tests of the language and of plug-ins."""

from datajoint.testing.executors import ExecutorTests, InProcessExecutorTests

__all__ = ["ExecutorTests", "InProcessExecutorTests"]
