"""The course is followed page by page in one folder; every output on it is what a run of today writes."""

import os
from pathlib import Path

import pytest

from docs.lesson import Lesson, normal
from plugins.command import VARIABLES

LEARN = Path(__file__).parents[2] / "docs" / "learn"


SCHEMAS = ("sleep",)


@pytest.fixture
def lesson(backend, schema_name, tmp_path):
    if backend.name == "sqlite":
        lesson = Lesson(tmp_path)
    else:
        settings = {
            variable: str(getattr(backend, name)) for name, variable in VARIABLES.items() if name != "backend"
        }
        names = {name: schema_name(name) for name in SCHEMAS}
        database = f"{backend.name} {backend.user}@{backend.host}:{backend.port}"
        names["sqlite …/datajoint.db"] = database
        lesson = Lesson(tmp_path, {**settings, "DJ_BACKEND": backend.name}, names)
    yield lesson
    lesson.close()


def follow_pictures(lesson, page, text, update):
    for name in lesson.pictures(text):
        shown, drawn = page.with_name(name), (lesson.folder / name).read_text(encoding="utf-8")
        if update:
            shown.write_text(drawn, encoding="utf-8")
        elif shown.read_text(encoding="utf-8") != drawn:
            lesson.differences.append(f"{page.name}: {name} is drawn in another way")


def test_the_course_writes_what_its_pages_show(lesson, backend):
    pages = sorted(page for page in LEARN.glob("*.md") if page.name[0].isdigit())
    assert 2 <= len(pages)
    update = os.environ.get("UPDATE_DOCS") and backend.name == "sqlite"
    for page in pages:
        text = lesson.follow(page.read_text(encoding="utf-8"), page.name)
        if backend.name == "sqlite":  # a picture names its tables as the database does
            follow_pictures(lesson, page, text, update)
        if update:
            page.write_text(text, encoding="utf-8")
    assert [] == lesson.differences, "\n\n".join(lesson.differences) + "\n\nUPDATE_DOCS=1 writes the new ones"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("at 2026-01-02 03:04:05", "at 2027-05-06 07:08", True),
        ("took 1.2 s", "took 31 ms", True),
        ("event 458019847533123456", "event 458019847533123457", True),
        ("commit 0a1b2c3d4e5f", "commit ffff2c3d4e5f", True),
        ("mean 2.33", "mean 2.34", False),
        ("born 2026-01-02", "born 2026-01-03", False),
        ("10 rows", "11 rows", False),
    ],
)
def test_times_ids_and_durations_are_the_only_differences_that_pass(one, other, same):
    assert same == (normal(one) == normal(other))


def test_an_output_that_changed_is_reported_and_rewritten(tmp_path):
    lesson = Lesson(tmp_path)
    page = "```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n"
    assert page.replace("3", "2") == lesson.follow(page)
    assert 1 == len(lesson.differences)


def test_a_class_that_a_file_has_is_replaced(tmp_path):
    lesson = Lesson(tmp_path)
    one, two = "@schema\nclass A(dict):\n    x = 1\n", "@schema\nclass B(dict):\n    x = 2\n"
    start = "schema = lambda cls: cls\n\n\n"
    lesson.follow(f'```python title="lab.py"\n{start}{one}```\n```python title="lab.py"\n{two}```\n')
    again = f'```python title="lab.py"\n{one.replace("1", "5")}```\n'
    lesson.follow(again + "```python\nfrom lab import A, B\n\nprint(A.x, B.x)\n```\n\n```text\n5 2\n```\n")
    assert [] == lesson.differences
