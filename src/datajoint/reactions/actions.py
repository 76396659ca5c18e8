"""Actions for notices: a command, a webhook, a mail, or a function of the user."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from datajoint import logging
from datajoint._value import Value
from datajoint.errors import ComputeError, DataJointError
from datajoint.heading.values import json_text
from datajoint.make.user_code import failure_of

__all__ = ["Action", "Command", "Delivery", "Doing", "Mail", "Notice", "Webhook"]

_TRIES = 3
_PAUSE = 1.0


class Notice(Value):
    """Report of something that has happened.

    Attributes
    ----------
    what
        ``success``, ``failure``, ``stale``, ``fresh`` or ``schedule``.
    name
        Name of the hook, rule or schedule that reports it.
    text
        One line for people.
    details
        Table, key, error, time and so on, if they apply.

    Examples
    --------
    >>> Notice("schedule", "nightly", "lab", "it is time", {}).text
    'it is time'
    """

    what: str
    name: str
    schema: str
    text: str
    details: Mapping[str, Any]

    def as_json(self) -> str:
        """Return the notice as JSON; Slack and Mattermost show its ``text``.

        Examples
        --------
        >>> Notice("schedule", "nightly", "lab", "it is time", {"due": "2026-01-02"}).as_json()
        '{"due":"2026-01-02","what":"schedule","name":"nightly","schema":"lab","text":"it is time"}'
        """
        plain = {"what": self.what, "name": self.name, "schema": self.schema, "text": self.text}
        return json_text({**{n: _plain(v) for n, v in self.details.items()}, **plain})


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


class Action(Protocol):
    """Action that handles a notice in a thread of its own, without the database."""

    def send(self, notice: Notice) -> None:
        """Handle the notice; raise an exception if that fails."""
        ...


Doing = Action | Callable[[Notice], Any]


class Command:
    """Action that runs a program with the notice as JSON on standard input and as ``DJ_NOTICE_…`` variables.

    Parameters
    ----------
    arguments
        Program and arguments; a text is split by the rules of a shell, but no shell runs.
    timeout
        Time limit in seconds.

    Examples
    --------
    >>> Command("logger -t lab")
    Command('logger', '-t', 'lab')
    """

    def __init__(self, arguments: str | Sequence[str], *, timeout: float = 60.0) -> None:
        import shlex

        self._arguments = shlex.split(arguments) if isinstance(arguments, str) else list(arguments)
        if not self._arguments:
            raise DataJointError("A command needs a program.")
        self._timeout = timeout

    def send(self, notice: Notice) -> None:
        """Run the program with a notice.

        Raises
        ------
        ComputeError
            If the program ends with another exit code than 0.
        """
        import subprocess

        told = {"what": notice.what, "name": notice.name, "schema": notice.schema, "text": notice.text}
        for name in ("table", "error"):
            told[name] = str(notice.details.get(name, ""))
        variables = {f"DJ_NOTICE_{name.upper()}": value for name, value in told.items()}
        run = subprocess.run(  # noqa: S603 - a command that the user gives
            self._arguments, input=notice.as_json(), env={**os.environ, **variables}, text=True,
            capture_output=True, timeout=self._timeout, check=False, encoding="utf-8",
        )  # fmt: skip
        if run.returncode:
            said = (run.stderr or run.stdout).strip()[-500:]
            raise ComputeError(f"`{self._arguments[0]}` ended with exit code {run.returncode}: {said}")

    def __repr__(self) -> str:
        return f"Command({', '.join(map(repr, self._arguments))})"


class Webhook:
    """Action that posts the notice as JSON to an address, in up to three attempts.

    Parameters
    ----------
    url
        Address, http or https. Slack and Mattermost show the field ``text``.
    headers
        Further headers, for example ``Authorization``.
    timeout
        Seconds to wait for a response.

    Examples
    --------
    >>> Webhook("https://example.org/hooks/secret")
    Webhook('https://example.org/…')
    """

    def __init__(self, url: str, *, headers: Mapping[str, str] | None = None, timeout: float = 10.0) -> None:
        from urllib.parse import urlsplit

        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise DataJointError(f"A webhook needs an http or https address, not {url!r}.")
        self._url, self._timeout = url, timeout
        self._shown = f"{parts.scheme}://{parts.hostname}/…"  # the path is often a secret
        self._headers = {"Content-Type": "application/json", **(headers or {})}

    def send(self, notice: Notice) -> None:
        """Post a notice.

        Raises
        ------
        ComputeError
            If the server refuses the notice or cannot be reached.
        """
        import time
        from urllib.error import HTTPError

        for n in range(_TRIES):
            try:
                self._post(notice)
            except OSError as error:  # URLError is one
                final = isinstance(error, HTTPError) and error.code < 500
                if isinstance(error, HTTPError):
                    error.close()
                if final or n == _TRIES - 1:
                    raise ComputeError(f"{self._shown} did not take it: {error}") from error
                time.sleep(_PAUSE * 2**n)
            else:
                return

    def _post(self, notice: Notice) -> None:
        from urllib.request import Request, urlopen

        data = notice.as_json().encode()
        request = Request(self._url, data=data, headers=self._headers, method="POST")  # noqa: S310 - checked
        with urlopen(request, timeout=self._timeout) as answer:  # noqa: S310 - checked
            answer.read()

    def __repr__(self) -> str:
        return f"Webhook({self._shown!r})"


class Mail:
    """Action that sends the notice by mail.

    Parameters
    ----------
    to
        Address, or a list of addresses.
    sender
        Address of the sender; the default is the first of `to`.
    server
        ``host`` or ``host:port`` of the mail server.
    user, password
        Login at the mail server.
    tls
        ``True`` for STARTTLS, ``"ssl"`` for an encrypted connection from the start.
    timeout
        Seconds to wait for the mail server.

    Examples
    --------
    >>> Mail("ada@example.org", server="mail.example.org")
    Mail('ada@example.org')
    """

    def __init__(
        self, to: str | Sequence[str], *, sender: str | None = None, server: str = "localhost",
        user: str | None = None, password: str | None = None, tls: bool | str = False, timeout: float = 30.0,
    ) -> None:  # fmt: skip
        self._to = [to] if isinstance(to, str) else list(to)
        if not self._to:
            raise DataJointError("A mail needs an address.")
        host, _, port = server.partition(":")
        self._sender, self._host, self._port = sender or self._to[0], host, int(port or 0)
        self._login = (user, password or "") if user else None
        self._tls, self._timeout = tls, timeout

    def send(self, notice: Notice) -> None:
        """Send a notice."""
        import smtplib

        kind = smtplib.SMTP_SSL if self._tls == "ssl" else smtplib.SMTP
        with kind(self._host, self._port, timeout=self._timeout) as server:
            if self._tls is True:
                server.starttls()
            if self._login:
                server.login(*self._login)
            server.send_message(self._message(notice))

    def _message(self, notice: Notice) -> Any:
        from email.message import EmailMessage

        message = EmailMessage()
        message["From"], message["To"] = self._sender, ", ".join(self._to)
        message["Subject"] = " ".join(f"[datajoint] {notice.text}".split())[:200]
        lines = [notice.text, "", *(f"{name}: {value}" for name, value in notice.details.items())]
        message.set_content("\n".join(lines))
        return message

    def __repr__(self) -> str:
        return f"Mail({', '.join(map(repr, self._to))})"


class Delivery:
    """Delivery of notices to an action, in order, in a thread of its own.

    The thread runs one action at a time, and a lock guards the counts. A function of the user runs
    immediately in the calling thread, because it may use the tables of the worker. Failures are logged and
    counted.

    Parameters
    ----------
    do
        An `Action`, or a function of the notice.

    Attributes
    ----------
    sent, failures
        Number of delivered notices, and number of failures among them.

    Examples
    --------
    >>> delivery = Delivery(lambda notice: print(notice.text))
    >>> delivery.send(Notice("schedule", "nightly", "lab", "it is time", {}))
    it is time
    >>> delivery.sent, delivery.failures
    (1, 0)
    """

    def __init__(self, do: Doing) -> None:
        if not callable(do) and not hasattr(do, "send"):
            raise DataJointError(
                f"{do!r:.80} is nothing to be done.",
                hint="Give a dj.Command, dj.Webhook, dj.Mail or a function.",
            )
        self._do = do
        self._thread: ThreadPoolExecutor | None = None
        self._last: Future[None] | None = None
        self._lock = threading.Lock()
        self.sent = self.failures = 0

    def send(self, notice: Notice) -> None:
        """Deliver a notice, immediately or through the thread."""
        send: Any = getattr(self._do, "send", None)
        if send is None:
            self._try(self._do, notice)
            return
        if self._thread is None:  # the interpreter ends it after the queued notices
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="datajoint-notices")
        self._last = self._thread.submit(self._try, send, notice)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until all notices are delivered."""
        if self._last is not None:
            self._last.result(timeout)

    def _try(self, do: Any, notice: Notice) -> None:
        error = failure_of(do, notice)
        if error is not None:
            logging.logger.warning("`%s`: %r failed: %s", notice.name, self._do, error)
        with self._lock:
            self.sent += 1
            self.failures += error is not None
