"""Pages as lessons: files are saved, Python and `dj` run in their order, outputs are compared with the page.

A block with `title="FILE"` is saved (a class that the file has already is replaced, others are added); other
Python blocks share one session, which starts again where a Python file changes. A `text` block right below a
Python block is what that one prints, and so is a `sql` block, which holds the SQL of SQLite and is compared there
alone. A `console` block is a command and what it writes, without the log.
"""

import json
import os
import re
import shlex
import subprocess
import sys

FENCE = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)
CLASS = re.compile(r"^@schema\nclass (\w+)\(.*?(?=^\S*@|^[a-z]|\Z)", re.DOTALL | re.MULTILINE)
PICTURE = re.compile(r"!\[[^\]]+\]\(([\w.-]+)\)")
NORMAL = (
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?"), "TIME"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{18,}\b"), "ID"),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{12,64}\b|\b\d{15,20}\b"), "ID"),
    (re.compile(r"\b\d+(\.\d+)? ?(ms|s|min)\b"), "DURATION"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)
DRIVER = """
import contextlib, io, json, sys, traceback
names = {"__name__": "__main__"}
for line in sys.stdin:
    written = io.StringIO()
    failed = ""
    with contextlib.redirect_stdout(written):
        try:
            exec(compile(json.loads(line), "<page>", "exec"), names)
        except BaseException:
            failed = traceback.format_exc()
    print(json.dumps([written.getvalue(), failed]), flush=True)
"""


def normal(text):
    """What two runs share: times, ids and durations become words, trailing blanks go."""
    for pattern, word in NORMAL:
        text = pattern.sub(word, text)
    return text.strip()


class Lesson:
    """A folder in which pages are followed; `differences` has each output that a page shows otherwise.

    On a server, `settings` are the `DJ_…` variables that name it, and `names` maps words of the pages to those of
    this run: schemas, whose names are free only once there, and the database.
    """

    def __init__(self, folder, settings=None, names=None):
        self.folder = folder
        self.differences = []
        self._settings = settings or {}
        self._names = names or {}
        self._session = None
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("DJ_")} | {
            "PYTHONIOENCODING": "utf-8",
            "NO_COLOR": "1",
            "COLUMNS": "100",
            **self._settings,
        }

    def follow(self, text, name=""):
        """Do what a page says, and return the page with the outputs of today."""
        blocks = list(FENCE.finditer(text))
        pieces, end, written = [], 0, None
        for block in blocks:
            language, title, body = block.groups()
            between = text[end : block.start()]
            pieces.append(between)
            if language in {"text", "sql"} and written is not None and not between.strip():
                body = self._compared(body, written, name, language)
            elif language == "console":
                command, _, said = body.partition("\n")
                body = f"{command}\n{self._compared(said, self._command(command), name)}"
            written = self._ran(language, title, body)
            heading = f'```{language} title="{title}"' if title else f"```{language}"
            pieces.append(f"{heading}\n{body}```")
            end = block.end()
        self.close()
        return "".join([*pieces, text[end:]])

    def pictures(self, text):
        """Give the names of the pictures of a page that this run has drawn."""
        return [name for name in PICTURE.findall(text) if (self.folder / name).exists()]

    def close(self):
        if self._session:
            self._session.stdin.close()
            self._session.wait(60)
            self._session.stdout.close()
            self._session = None

    def _compared(self, shown, written, name, language="text"):
        if language == "sql" and self._settings:
            return shown
        written = self._as_shown(written)
        if normal(shown) == normal(written):
            return shown
        self.differences.append(f"{name}: the page shows\n{shown}\nbut today it is\n{written}")
        return written.strip("\n") + "\n"

    def _as_shown(self, text):
        for shown, used in self._names.items():
            text = text.replace(used, shown)
        return text

    def _as_run(self, code):
        for shown, used in self._names.items():
            code = code.replace(f'Schema("{shown}")', f'Schema("{used}")')
        return code

    def _ran(self, language, title, body):
        if title:
            self._save(title, self._as_run(body))
        elif language == "python":
            return self._python(self._as_run(body))
        return None

    def _save(self, title, body):
        file = self.folder / title
        if file.suffix != ".py" or not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(body, encoding="utf-8")
        else:
            text = file.read_text(encoding="utf-8")
            for block in [found.group() for found in CLASS.finditer(body)] or [body]:
                text = self._with(text, block)
            file.write_text(text, encoding="utf-8")
        if file.suffix == ".py":
            self.close()

    def _with(self, text, block):
        new = CLASS.match(block)
        for old in CLASS.finditer(text):
            if new and old[1] == new[1]:
                return text[: old.start()] + block.strip("\n") + "\n\n\n" + text[old.end() :]
        return text.rstrip("\n") + "\n\n\n" + block

    def _python(self, code):
        if self._session is None:
            self._session = subprocess.Popen(
                [sys.executable, "-W", "error", "-c", DRIVER], cwd=self.folder, env=self._environment,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
            )  # fmt: skip
        self._session.stdin.write(json.dumps(code) + "\n")
        self._session.stdin.flush()
        written, failed = json.loads(self._session.stdout.readline())
        assert "" == failed, f"{failed}\nin\n{code}"
        return written

    def _command(self, command):
        program, *arguments = shlex.split(command.removeprefix("$ "))
        assert "dj" == program
        return subprocess.run(
            [sys.executable, "-m", "datajoint", *arguments], cwd=self.folder, env=self._environment, text=True,
            encoding="utf-8", check=False, stdout=subprocess.PIPE, timeout=300,
        ).stdout.replace(f"{self.folder}{os.sep}", "…/")  # fmt: skip
