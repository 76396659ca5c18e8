"""The report: one HTML page with the answer, the pictures and the pipeline; the pictures lie beside it."""

import getpass
import platform
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import datajoint as dj
import numpy as np
import skimage
from pictures import draw_detection

COLOURS = ("#22d3ee", "#fbbf24", "#f472b6", "#a3e635", "#c084fc", "#fb923c")
"""One per set of parameters; readable on dark, grey, red and white photographs alike."""

BINS = np.geomspace(2, 64, 21)
"""Edges of the classes of radius in the histograms, pixels."""


def write_report(pipeline, folder: Path, place: str) -> Path:
    """Draw the pictures, write the page and return its path."""
    pictures = draw_pictures(pipeline, folder / "pictures")
    page = folder / "report.html"
    page.write_text(_page(pipeline, pictures, place), encoding="utf-8")
    return page


def draw_pictures(pipeline, folder: Path) -> dict[tuple[str, str], str]:
    """Draw every detection; return (image, params) → path of the picture as the page names it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    colours = _colours(pipeline)
    pictures = {}
    for key in pipeline.Detection.keys(order_by="KEY"):
        pixels = (pipeline.Scan & key).fetch1("pixels")
        blobs = (pipeline.Detection.Blob & key).to_dicts()
        path = folder / f"{key['image']}-{key['params']}.jpg"
        draw_detection(pixels, blobs, colours[key["params"]]).save(path, quality=90, subsampling=0)
        pictures[key["image"], key["params"]] = f"{folder.name}/{path.name}"
    return pictures


def _colours(pipeline) -> dict[str, str]:
    names = pipeline.DetectionParams.to_arrays("params", order_by="KEY")
    return {name: COLOURS[n % len(COLOURS)] for n, name in enumerate(names)}


# ---------------------------------------------------------------------------------------------------- page


def _page(pipeline, pictures: dict[tuple[str, str], str], place: str) -> str:
    sizes = {(row["image"], row["params"]): row for row in pipeline.by_image().to_dicts()}
    total = sum(row["blobs"] for row in sizes.values())
    images = pipeline.Image.to_dicts(order_by="KEY")
    colours = _colours(pipeline)
    lead = (
        f"{_number(total)} blobs in {len(images)} photographs, found with {len(colours)} sets of parameters. "
        "Which set finds how many, and of what size?"
    )
    sections = [
        _section("The answer", "All photographs together.", _answer(pipeline, colours)),
        _section(
            "Photograph by photograph",
            "Number of blobs, mean radius in pixels below. "
            "A count that equals what a person counts is marked ✓.",
            _counts(images, colours, sizes),
        ),
        _section(
            "The pictures",
            "Each circle is a row of <code>Detection.Blob</code>. Choose a picture to see it at full size.",
            _gallery(images, colours, sizes, pictures),
        ),
        _section("The pipeline", "A row below is made from the rows that lead to it.", _diagram(pipeline)),
        _section("Where this comes from", "", _origin(pipeline, place)),
    ]
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    swatches = "".join(f".{_swatch(name)}{{--swatch:{colour}}}" for name, colour in colours.items())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Blob detection</title>
<style>
{style}{swatches}
</style>
</head>
<body>
<header><h1>Blob detection</h1><p class="lead">{lead}</p></header>
<main>
{"".join(sections)}
</main>
</body>
</html>
"""


def _section(title: str, note: str, body: str) -> str:
    note = f'<p class="note">{note}</p>' if note else ""
    return f"<section><h2>{title}</h2>{note}{body}</section>\n"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]], kind: str = "") -> str:
    """Write a table of cells that are HTML already; the first of each row is its heading."""
    titles = "".join(f'<th scope="col">{title}</th>' for title in head)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>\n'
        for first, *rest in rows
    )
    return (
        f'<div class="wide"><table class="{kind}"><thead><tr>{titles}</tr></thead>'
        f"<tbody>\n{body}</tbody></table></div>"
    )


# ------------------------------------------------------------------------------------------------ sections


def _answer(pipeline, colours: dict[str, str]) -> str:
    head = ["parameters", "method", "sigma", "threshold", "blobs", "smallest", "mean", "largest", "radius"]
    names = {"log": "Laplacian of Gaussian", "dog": "difference of Gaussians", "doh": "determinant of Hessian"}
    rows = [
        [
            _name(row["params"]),
            names[row["method"]],
            f"{row['min_sigma']:g}–{row['max_sigma']:g}",
            f"{row['threshold']:g}",
            f"<strong>{_number(row['blobs'])}</strong>",
            _radius(row["smallest"]),
            _radius(row["mean_radius"]),
            _radius(row["largest"]),
            _histogram((pipeline.Detection.Blob & {"params": row["params"]}).to_arrays("radius")),
        ]
        for row in pipeline.by_params().to_dicts(order_by="KEY")
    ]
    scale = f"Radius in pixels; the histogram runs from {BINS[0]:g} to {BINS[-1]:g}, logarithmic."
    return _table(head, rows, "answer") + f'<p class="note">{scale}</p>'


def _counts(images: list[dict], colours: dict[str, str], sizes: dict) -> str:
    def cell(image: dict, params: str) -> str:
        row = sizes.get((image["image"], params))
        if row is None:
            return "–"
        mark = ' <span class="match" title="as counted by eye">✓</span>' if row["blobs"] == image["by_eye"] else ""
        return f"{_number(row['blobs'])}{mark}<small>{_radius(row['mean_radius'])}</small>"

    rows = [
        [escape(image["title"]), image["look_for"], "–" if image["by_eye"] is None else str(image["by_eye"])]
        + [cell(image, params) for params in colours]
        for image in images
    ]
    return _table(["photograph", "blobs are", "by eye", *map(_name, colours)], rows, "counts")


def _gallery(images: list[dict], colours: dict[str, str], sizes: dict, pictures: dict) -> str:
    blocks = []
    for image in images:
        figures = "".join(
            _figure(image, params, sizes.get((image["image"], params)), pictures[image["image"], params])
            for params in colours
            if (image["image"], params) in pictures
        )
        blocks.append(
            f'<article><h3>{escape(image["title"])} <small>{escape(image["credit"])}</small></h3>'
            f'<div class="row">{figures}</div></article>\n'
        )
    return "".join(blocks)


def _figure(image: dict, params: str, size: dict | None, picture: str) -> str:
    found = f"{_number(size['blobs'])} found" if size else ""
    text = escape(f"{image['title']}: {found} with {params}")
    return (
        f'<figure><a href="{picture}"><img src="{picture}" alt="{text}" loading="lazy"></a>'
        f"<figcaption>{_name(params)}<span>{found}</span></figcaption></figure>"
    )


def _diagram(pipeline) -> str:
    tables = (pipeline.Image, pipeline.Scan, pipeline.DetectionParams, pipeline.Detection, pipeline.Detection.Blob)
    definitions = "".join(
        f"<h3>{table().class_name}</h3><pre>{escape(table().describe().strip())}</pre>" for table in tables
    )
    svg = dj.Diagram(pipeline.schema).make_svg()
    return (
        f'<div class="diagram">{svg}</div>'
        f"<details><summary>Definitions, as the database gives them</summary>{definitions}</details>"
    )


def _origin(pipeline, place: str) -> str:
    facts = {
        "Data": place,
        "Photographs": f"scikit-image {skimage.__version__}, scaled to at most 512 pixels",
        "Software": f"datajoint {dj.__version__}, Python {platform.python_version()}, {platform.system()}",
        "Written": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC by {getpass.getuser()} on {platform.node()}",
    }
    rows = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in facts.items())
    return f"<dl>{rows}</dl>"


# --------------------------------------------------------------------------------------------------- small


def _number(value: int) -> str:
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _radius(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _swatch(params: str) -> str:
    return f"swatch-{params}"


def _name(params: str) -> str:
    return f'<code class="swatch {_swatch(params)}">{escape(params)}</code>'


def _histogram(radii: np.ndarray) -> str:
    """Draw how many blobs have which radius as a row of bars."""
    counts, _ = np.histogram(radii, BINS)
    step, height = 7, 28
    bars = "".join(
        f'<rect x="{n * step}" y="{height - h:.1f}" width="{step - 1}" height="{h:.1f}"/>'
        for n, h in enumerate(height * counts / max(counts.max(), 1))
        if h
    )
    width = step * len(counts)
    return (
        f'<svg class="histogram" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="histogram of the radius">{bars}<path d="M0 {height}H{width}"/></svg>'
    )
