"""The report: one HTML page with the answer, the pictures and the pipeline; the pictures lie beside it."""

import platform
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import numpy as np
import skimage

import datajoint as dj
from images import LONGEST_SIDE
from pictures import draw_detection
from pipeline import Detection, DetectionParams, Image, Scan, by_image, by_params, schema

COLOURS = ("#22d3ee", "#fbbf24", "#f472b6", "#a3e635", "#c084fc", "#fb923c")
"""One per set of parameters; readable on dark, grey, red and white photographs alike."""

METHODS = {"log": "Laplacian of Gaussian", "dog": "difference of Gaussians", "doh": "determinant of Hessian"}

BINS = np.geomspace(2, 64, 21)
"""Edges of the classes of radius in the histograms, pixels."""

TABLES = (Image, Scan, DetectionParams, Detection, Detection.Blob)

DASH = "\N{EN DASH}"


def write_report(folder: Path, place: str) -> Path:
    """Draw the pictures, write the page and return its path."""
    names = DetectionParams.to_arrays("params", order_by="KEY")
    colours = {name: COLOURS[n % len(COLOURS)] for n, name in enumerate(names)}
    draw_pictures(folder, colours)
    page = folder / "report.html"
    page.write_text(_page(colours, place), encoding="utf-8")
    return page


def draw_pictures(folder: Path, colours: dict[str, str]) -> None:
    """Draw every detection into a file."""
    shutil.rmtree(folder / "pictures", ignore_errors=True)
    (folder / "pictures").mkdir(parents=True)
    for key in Detection.keys(order_by="KEY"):
        pixels = (Scan & key).fetch1("pixels")
        blobs = (Detection.Blob & key).to_dicts()
        picture = draw_detection(pixels, blobs, colours[key["params"]])
        picture.save(folder / picture_of(**key), quality=90, subsampling=0)


def picture_of(image: str, params: str) -> str:
    """Name the file of a picture, as the page refers to it."""
    return f"pictures/{image}-{params}.jpg"


# ---------------------------------------------------------------------------------------------------- page


def _page(colours: dict[str, str], place: str) -> str:
    images = Image.to_dicts(order_by="KEY")
    sizes = {(row["image"], row["params"]): row for row in by_image()}
    total = sum(row["blobs"] for row in sizes.values())
    sections = (
        _section("The answer", "All photographs together; radius in pixels.", _answer()),
        _section(
            "Photograph by photograph",
            "Number of blobs, and below it their mean radius in pixels; ✓ where a person counts as many.",
            _counts(images, list(colours), sizes),
        ),
        _section(
            "The pictures",
            "Each circle is a row of <code>Detection.Blob</code>. Choose a picture to see it at full size.",
            _gallery(images, list(colours), sizes),
        ),
        _section("The pipeline", "Each row is made from rows of the tables that lead to it.", _diagram()),
        _section(
            "Where this comes from",
            "Every insert and every make leaves an event in the journal of the schema.",
            _origin(place),
        ),
    )
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    swatches = "".join(f".swatch-{name} {{ --swatch: {colour}; }}\n" for name, colour in colours.items())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Blob detection</title>
<style>
{style}{swatches}</style>
</head>
<body>
<header>
<h1>Blob detection</h1>
<p class="lead">{_number(total)} blobs in {len(images)} photographs, found with {len(colours)} sets of
parameters. Which set finds how many, and of what size?</p>
</header>
<main>
{"".join(sections)}</main>
</body>
</html>
"""


def _section(title: str, note: str, body: str) -> str:
    note = f'<p class="note">{note}</p>\n' if note else ""
    return f"<section>\n<h2>{title}</h2>\n{note}{body}\n</section>\n"


def _table(kind: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Write cells that are HTML already; the first of each row is its heading."""
    titles = "".join(f'<th scope="col">{title}</th>' for title in head)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>\n'
        for first, *rest in rows
    )
    return (
        f'<div class="wide"><table class="{kind}">\n<thead><tr>{titles}</tr></thead>\n'
        f"<tbody>\n{body}</tbody>\n</table></div>"
    )


# ------------------------------------------------------------------------------------------------ sections


def _answer() -> str:
    head = "parameters, method, sigma, threshold, blobs, smallest, mean, largest, distribution, as by eye"
    counted = len(Image & "by_eye is not null")
    rows = [
        [
            _name(row["params"]),
            METHODS[row["method"]],
            f"{row['min_sigma']:g}{DASH}{row['max_sigma']:g}",
            f"{row['threshold']:g}",
            f"<strong>{_number(row['blobs'])}</strong>",
            _radius(row["smallest"]),
            _radius(row["mean_radius"]),
            _radius(row["largest"]),
            _histogram((Detection.Blob & {"params": row["params"]}).to_arrays("radius")),
            f"{row['as_by_eye']} of {counted}",
        ]
        for row in by_params().to_dicts(order_by="KEY")
    ]
    scale = f"The distributions run from {BINS[0]:g} to {BINS[-1]:g} pixels, logarithmically."
    return f'{_table("answer", head.split(", "), rows)}\n<p class="note">{scale}</p>'


def _counts(images: list[dict], params: list[str], sizes: dict) -> str:
    def cell(image: dict, name: str) -> str:
        row = sizes.get((image["image"], name))
        if row is None:
            return DASH
        match = row["blobs"] == image["by_eye"]
        mark = '<span class="match" title="as counted by eye">✓</span> ' if match else ""
        return f"{mark}{_number(row['blobs'])}<small>{_radius(row['mean_radius'])}</small>"

    rows = [
        [
            escape(image["title"]),
            image["look_for"],
            DASH if image["by_eye"] is None else str(image["by_eye"]),
            *(cell(image, name) for name in params),
        ]
        for image in images
    ]
    return _table("counts", ["photograph", "blobs are", "by eye", *map(_name, params)], rows)


def _gallery(images: list[dict], params: list[str], sizes: dict) -> str:
    articles = []
    for image in images:
        figures = "".join(
            _figure(image, name, sizes[image["image"], name]["blobs"])
            for name in params
            if (image["image"], name) in sizes
        )
        title = f"{escape(image['title'])} <small>{escape(image['credit'])}</small>"
        articles.append(f'<article>\n<h3>{title}</h3>\n<div class="row">\n{figures}</div>\n</article>')
    return "\n".join(articles)


def _figure(image: dict, params: str, blobs: int) -> str:
    file = picture_of(image["image"], params)
    text = escape(f"{image['title']}: {blobs} blobs found with {params}")
    return (
        f'<figure><a href="{file}"><img src="{file}" alt="{text}" loading="lazy"></a>'
        f"<figcaption>{_name(params)}<span>{_number(blobs)} found</span></figcaption></figure>\n"
    )


def _diagram() -> str:
    definitions = "".join(
        f"<h3>{table.class_name}</h3>\n<pre>{escape(table.describe().strip())}</pre>\n" for table in TABLES
    )
    return (
        f'<div class="diagram">{dj.Diagram(schema).make_svg()}</div>\n'
        f"<details><summary>Definitions, as the database gives them</summary>\n{definitions}</details>"
    )


def _origin(place: str) -> str:
    facts = {
        "Data": place,
        "Photographs": f"scikit-image {skimage.__version__}, scaled to at most {LONGEST_SIDE} pixels",
        "Software": f"datajoint {dj.__version__}, Python {platform.python_version()}, {platform.system()}",
        "Report": f"written {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }
    listed = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in facts.items())
    return f"{_writes()}\n<dl>{listed}</dl>"


def _writes() -> str:
    """List who wrote what, from the journal that every schema keeps."""
    events = dj.FreeTable(schema.connection, f"{schema.database}.~events")
    if not events.is_declared:
        return ""
    written = dj.U("table_name", "kind", "user", "host").aggr(
        events & "kind in ('insert', 'make')",
        calls="count(event)",
        row_count="sum(row_count)",
        first="min(started)",
        last="max(finished)",
    )
    names = {table.table_name: table.class_name for table in TABLES}
    rows = [
        [
            names.get(row["table_name"], row["table_name"]),
            row["kind"],
            escape(f"{row['user']} on {row['host']}"),
            _number(row["calls"]),
            _number(int(row["row_count"])),
            f"{row['first']:%Y-%m-%d %H:%M:%S}",
            f"{row['last']:%Y-%m-%d %H:%M:%S}",
        ]
        for row in written.to_dicts(order_by="first")
    ]
    return _table("writes", ["table", "what", "who", "times", "rows", "first (UTC)", "last (UTC)"], rows)


# -------------------------------------------------------------------------------------------------- pieces


def _number(value: int) -> str:
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _radius(value: float | None) -> str:
    return DASH if value is None else f"{value:.1f}"


def _name(params: str) -> str:
    return f'<code class="swatch swatch-{escape(params)}">{escape(params)}</code>'


def _histogram(radii: np.ndarray) -> str:
    """Draw how many blobs have which radius, as a row of bars."""
    counts, _ = np.histogram(radii, BINS)
    step, height = 7, 28
    bars = "".join(
        f'<rect x="{n * step}" y="{height - bar:.1f}" width="{step - 1}" height="{bar:.1f}"/>'
        for n, bar in enumerate(height * counts / max(counts.max(), 1))
        if bar
    )
    width = step * len(counts)
    return (
        f'<svg class="histogram" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="distribution of the radius">{bars}<path d="M0 {height}H{width}"/></svg>'
    )
