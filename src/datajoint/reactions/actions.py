"""What is done when something happens: a command, a webhook, a mail, a function of the user's."""

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
    """What has happened.

    Attributes
    ----------
    what
        ``success``, ``failure``, ``stale``, ``fresh`` or ``schedule``.
    name
        Of the hook, rule or schedule that noticed it.
    text
        One line for people.
    details
        Table, key, error, time …, as far as they apply.

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
        """Return all of it as JSON; ``text`` is what Slack and Mattermost show.

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
    """What can be done about a notice, beside the computing and without the database."""

    def send(self, notice: Notice) -> None:
        """Do it; raise what went wrong."""
        ...


Doing = Action | Callable[[Notice], Any]


class Command:
    """Runs a program; it gets the notice as JSON on standard input, and as ``DJ_NOTICE_…`` variables.

    Parameters
    ----------
    arguments
        Program and arguments; a text is split as a shell does, but no shell is run.
    timeout
        Seconds after which it is stopped.

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
        """Run it."""
        import subprocess

        told = {"what": notice.what, "name": notice.name, "schema": notice.schema, "text": notice.text}
        for name in ("table", "error"):
            told[name] = str(notice.details.get(name, ""))
        variables = {f"DJ_NOTICE_{name.upper()}": value for name, value in told.items()}
        run = subprocess.run(  # noqa: S603 - the user's own command
            self._arguments, input=notice.as_json(), env={**os.environ, **variables}, text=True,
            capture_output=True, timeout=self._timeout, check=False, encoding="utf-8",
        )  # fmt: skip
        if run.returncode:
            said = (run.stderr or run.stdout).strip()[-500:]
            raise ComputeError(f"`{self._arguments[0]}` ended with exit code {run.returncode}: {said}")

    def __repr__(self) -> str:
        return f"Command({', '.join(map(repr, self._arguments))})"


class Webhook:
    """Posts the notice as JSON to an address, up to three times.

    Parameters
    ----------
    url
        Where to; http or https. ``text`` is what Slack and Mattermost show.
    headers
        Sent with it, for example ``Authorization``.
    timeout
        Seconds to wait for an answer.

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
        self._shown = f"{parts.scheme}://{parts.hostname}/…"  # the rest is often a secret
        self._headers = {"Content-Type": "application/json", **(headers or {})}

    def send(self, notice: Notice) -> None:
        """Post it."""
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
    """Sends the notice as a mail.

    Parameters
    ----------
    to
        One address or several.
    sender
        Default is the first of them.
    server
        ``host`` or ``host:port`` of the mail server.
    user, password
        To log in there.
    tls
        ``True`` for STARTTLS, ``"ssl"`` for an encrypted connection from the start.

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
        """Send it."""
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
    """Does what is to be done about notices, one after the other, beside the computing.

    A function of the user's is called at once, since it may use the tables of the worker. What fails is
    logged and counted.

    Parameters
    ----------
    do
        An `Action`, or a function of the notice.

    Attributes
    ----------
    sent, failures
        How many were done, and how many of them failed.

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
        """Do it now, or soon."""
        send: Any = getattr(self._do, "send", None)
        if send is None:
            self._try(self._do, notice)
            return
        if self._thread is None:  # ended by the interpreter, after what waits is done
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="datajoint-notices")
        self._last = self._thread.submit(self._try, send, notice)

    def wait(self, timeout: float | None = None) -> None:
        """Wait until all is done."""
        if self._last is not None:
            self._last.result(timeout)

    def _try(self, do: Any, notice: Notice) -> None:
        error = failure_of(do, notice)
        if error is not None:
            logging.logger.warning("`%s`: %r failed: %s", notice.name, self._do, error)
        with self._lock:
            self.sent += 1
            self.failures += error is not None
