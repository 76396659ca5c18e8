"""Profiles: the default run is short and always the same; `--hypothesis-profile=more` looks further.

`--hypothesis-profile=most` is for the end of a milestone: 10 000 examples on each backend.
"""

from hypothesis import HealthCheck, Phase, settings

_PHASES = [Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink]
_CHECKS = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile(
    "short",
    max_examples=60,
    deadline=None,
    phases=_PHASES,
    derandomize=True,
    database=None,
    suppress_health_check=_CHECKS,
)
settings.register_profile(
    "more", max_examples=1000, deadline=None, phases=_PHASES, database=None, suppress_health_check=_CHECKS
)
settings.register_profile("most", parent=settings.get_profile("more"), max_examples=10_000)
settings.register_profile(
    "histories",
    max_examples=5000,
    deadline=None,
    phases=_PHASES,
    database=None,
    suppress_health_check=_CHECKS,
)
settings.load_profile("short")
