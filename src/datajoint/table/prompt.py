"""Confirmation prompt before destructive operations."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from datajoint.errors import DataJointError
from datajoint.heading.values import show

if TYPE_CHECKING:
    from datajoint.settings.config import Config

__all__ = ["ask", "bytes_text", "confirm", "needs_answer", "refuse_conditions", "user_choice"]


def needs_answer(config: Config, prompt: bool | None) -> bool:
    """Whether to ask: as told, else as the setting ``safemode`` says.

    Raises
    ------
    DataJointError
        When an answer is needed and none can be read.
    """
    asked = config.safemode if prompt is None else prompt
    if asked and not _answers():
        raise DataJointError(
            "This asks for confirmation, and no answer can be read: standard input is not a terminal.",
            hint="Pass prompt=False, or set dj.config['safemode'] = False.",
        )
    return bool(asked)


def refuse_conditions(label: str, method: str, *flags: object) -> None:
    """Refuse a condition where a yes or no is taken: all rows would go, not those that were meant.

    Raises
    ------
    DataJointError
        When one of the flags is neither.

    Examples
    --------
    >>> refuse_conditions("Subject", "delete", True, None)
    >>> refuse_conditions("Subject", "delete", "subject_id = 1")
    Traceback (most recent call last):
    ...
    datajoint.errors.DataJointError: delete() takes no condition, but was given 'subject_id = 1'.
    Restrict first: (Subject & condition).delete().
    """
    for flag in flags:
        if flag is not None and not isinstance(flag, int) and type(flag).__name__ not in ("bool", "bool_"):
            raise DataJointError(
                f"{method}() takes no condition, but was given {show(flag)}.",
                hint=f"Restrict first: ({label} & condition).{method}().",
            )


def _answers() -> bool:
    if "ipykernel" in sys.modules:
        return True
    try:
        return sys.stdin is not None and sys.stdin.isatty()
    except ValueError:  # closed
        return False


def confirm(config: Config, prompt: bool | None, question: str) -> bool:
    """Ask for a yes, where it is to be asked for."""
    return not needs_answer(config, prompt) or ask(question)


def ask(question: str) -> bool:
    """Ask; anything but "yes" is a no, and is told to have done nothing; "y" is asked again."""
    answer = input(f"{question} [yes, No]: ").strip().lower()
    while answer == "y":
        answer = input("Please type the whole word: [yes, No]: ").strip().lower()
    agreed = answer == "yes"
    if not agreed:
        print("Nothing was changed.")  # noqa: T201 - an answer to an answer
    return agreed


def user_choice(prompt: str, choices: tuple[str, ...] = ("yes", "no"), default: str | None = None) -> str:
    """Ask until one of the choices is given; an empty answer is the default.

    Raises
    ------
    DataJointError
        When no answer can be read.
    """
    if not _answers():
        raise DataJointError(f"{prompt} No answer can be read: standard input is not a terminal.")
    listed = ", ".join(choice.capitalize() if choice == default else choice for choice in choices)
    answer = ""
    while answer not in choices:
        answer = input(f"{prompt} [{listed}]: ").strip().lower() or (default or "")
    return answer


def bytes_text(count: int) -> str:
    """Return a number of bytes as it is read.

    Examples
    --------
    >>> [bytes_text(n) for n in (0, 999, 1_500, 25_300, 7_000_000_000)]
    ['0 B', '999 B', '1.5 kB', '25 kB', '7.0 GB']
    """
    size, units = float(count), ["B", "kB", "MB", "GB"]
    unit = units.pop(0)
    while size >= 1000 and units:
        size, unit = size / 1000, units.pop(0)
    return f"{size:.1f} {unit}" if unit != "B" and size < 10 else f"{size:.0f} {unit}"
