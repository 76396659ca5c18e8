"""Only the guard reaches the session of a connection: a call past it might be interrupted unnoticed."""

import ast

ITSELF = {"engine.guard", "engine.link"}
OWN_SESSIONS = ("backends.", "engine.signals")
"""Modules with sessions of their own, which no connection uses."""

TO_BE_LOOKED_AT = {"alive", "connection_id", "dialect", "server_version", "in_transaction", "translate"}
"""What asks nobody."""


def reaches(tree):
    """Give the uses of an attribute of `….session` or `….link.session`, but for those that ask nobody."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Attribute)
            and node.value.attr == "session"
            and node.attr not in TO_BE_LOOKED_AT
        ):
            yield node


def assigned(tree):
    """Give the assignments of `….session` to a name, by which it would be reached."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(
            isinstance(part, ast.Attribute)
            and part.attr == "session"
            and not (isinstance(part.value, ast.Name) and part.value.id == "signals")  # which have their own
            for part in ast.walk(node.value)
        ):
            yield node


def test_only_the_guard_reaches_a_session(modules):
    found = []
    for module in modules:
        if module.name in ITSELF or module.name.startswith(OWN_SESSIONS):
            continue
        found += [module.where(node) for node in reaches(module.tree)]
        found += [module.where(node) for node in assigned(module.tree)]
    assert [] == found


def test_streams_and_transactions_are_opened_through_the_guard_only(modules):
    named = [
        module.name
        for module in modules
        if not module.name.startswith(OWN_SESSIONS)
        and any(isinstance(n, ast.Attribute) and n.attr == "_link" for n in ast.walk(module.tree))
    ]
    assert ["engine.connection"] == named
