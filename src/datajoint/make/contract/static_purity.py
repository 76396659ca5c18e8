"""What a make takes from elsewhere than its inputs, as far as its code tells: clock, chance, environment.

Python tells nobody of these while a program runs, so names are looked at: those that the make reaches by its
code (provenance §7). What installed packages do inside is not seen.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping

from datajoint._syntax import parse
from datajoint.journal.code import fingerprint

__all__ = ["impurities", "seeds"]

_CLOCK = frozenset({
    "time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.ctime", "time.asctime",
    "time.strftime", "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today",
    "datetime.date.today", "pandas.Timestamp.now", "pandas.Timestamp.today", "pandas.Timestamp.utcnow",
    "arrow.now", "arrow.utcnow", "pendulum.now",
})  # fmt: skip
_CHANCE = frozenset({"uuid.uuid1", "uuid.uuid4", "os.urandom", "os.getrandom", "random.SystemRandom"})
_GENERATORS = frozenset({"numpy.random.default_rng", "numpy.random.RandomState", "random.Random"})
"""They draw by chance unless they are given a seed."""
_ENVIRONMENT = ("os.environ", "os.environb", "os.getenv", "os.getenvb", "os.path.expandvars")
_SEEDS = {"random": "random.seed", "numpy.random": "numpy.random.seed"}
_GLOBAL = {
    "random": frozenset({
        "random", "randint", "randrange", "choice", "choices", "sample", "shuffle", "uniform", "gauss",
        "normalvariate", "expovariate", "betavariate", "gammavariate", "lognormvariate", "triangular",
        "vonmisesvariate", "paretovariate", "weibullvariate", "getrandbits", "randbytes",
    }),
    "numpy.random": frozenset({
        "rand", "randn", "randint", "random", "random_sample", "ranf", "sample", "choice", "shuffle",
        "permutation", "normal", "standard_normal", "uniform", "poisson", "exponential", "binomial", "gamma",
        "beta", "bytes",
    }),
}  # fmt: skip
"""Functions of the generators that all of a process shares."""


def seeds(external: Collection[str]) -> frozenset[str]:
    """Return which of the generators that a process shares are given a seed, among names that code reaches.

    Examples
    --------
    >>> sorted(seeds(["numpy.random.seed", "numpy.random.rand"]))
    ['numpy.random']
    """
    return frozenset(module for module, name in _SEEDS.items() if name in external)


def impurities(cls: type) -> list[str]:
    """Return in words what the make of a class takes from clock, chance and environment.

    Examples
    --------
    >>> class Fit:
    ...     def make(self, key):
    ...         return key
    >>> impurities(Fit)
    []
    """
    code = fingerprint(cls)
    return list(dict.fromkeys(_told(code.external, code.source)))


def _told(external: Collection[str], source: Mapping[str, str]) -> Iterator[str]:
    seeded = seeds(external)
    for name in sorted(external):
        what = _what(name, source, seeded)
        if what:
            yield f"{what}{_where(name, source)}"


def _what(name: str, source: Mapping[str, str], seeded: Collection[str]) -> str:
    """Return what a name is used for."""
    module, _, function = name.rpartition(".")
    if name in _CLOCK:
        return "it reads the clock"
    if name in _CHANCE or module == "secrets":
        return "it draws by chance"
    if _is_of(name, _ENVIRONMENT):
        return "it reads environment variables"
    made_bare = _is_of(name, _GENERATORS) and _is_called_bare(name, source)
    shared = module not in seeded and function in _GLOBAL.get(module, ())
    return "it draws random numbers without a seed" if made_bare or shared else ""


def _is_of(name: str, names: Collection[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in names)


def _where(name: str, source: Mapping[str, str]) -> str:
    last = name.rpartition(".")[2]
    places = [label for label, text in source.items() if last in text]
    return f" (`{name}` in `{places[0]}`)" if places else f" (`{name}`)"


def _is_called_bare(name: str, source: Mapping[str, str]) -> bool:
    """Whether some piece of code calls a generator without a seed."""
    made = next(one for one in _GENERATORS if _is_of(name, (one,))).rpartition(".")[2]
    return any(
        isinstance(node, ast.Call) and _last(node.func) == made and _is_bare(node)
        for text in source.values()
        for node in ast.walk(_parsed(text))
    )


def _parsed(text: str) -> ast.AST:
    try:
        return parse(text)
    except SyntaxError:  # a piece of a class
        return ast.Module([], [])


def _last(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_bare(call: ast.Call) -> bool:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return not given or all(isinstance(value, ast.Constant) and value.value is None for value in given)
