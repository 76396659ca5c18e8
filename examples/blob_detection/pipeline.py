"""The pipeline: photographs in, blobs out. Which database it lives in, database.py says."""

import datajoint as dj
from blobs import find_blobs
from images import read_photograph

schema = dj.Schema()


@schema
class Image(dj.Manual):
    definition = """
    # A photograph to look at
    image         : varchar(16)              # short name
    ---
    title         : varchar(80)
    file          : varchar(80)              # in the data folder of scikit-image
    look_for      : enum('bright', 'dark')   # what a blob is against its surroundings
    by_eye = null : int32                    # number of objects a person counts
    credit        : varchar(120)
    """


@schema
class Scan(dj.Imported):
    definition = """
    # The pixels of a photograph
    -> Image
    ---
    pixels : <blob@>   # in a store: uint8 (height, width) or (height, width, 3)
    height : int32
    width  : int32
    scale  : float64   # pixels here per pixel of the file, along one side
    mean   : float64   # mean grey value, 0 to 255
    """

    def make(self, key: dict) -> None:
        pixels, scale = read_photograph((Image & key).fetch1("file"))
        height, width = pixels.shape[:2]
        self.insert1(
            {**key, "pixels": pixels, "height": height, "width": width, "scale": scale, "mean": pixels.mean()}
        )


@schema
class DetectionParams(dj.Lookup):
    definition = """
    # Ways to look for blobs
    params    : varchar(16)                # short name
    ---
    method    : enum('log', 'dog', 'doh')  # Laplacian, difference of Gaussians, Hessian
    min_sigma : float64                    # smallest scale, pixels
    max_sigma : float64                    # largest scale, pixels
    threshold : float64                    # how much a blob must stand out
    """
    contents = [
        ("log_small", "log", 2, 6, 0.12),
        ("log_large", "log", 10, 40, 0.15),
        ("dog", "dog", 3, 24, 0.12),
        ("doh", "doh", 5, 40, 0.006),
    ]


@schema
class Detection(dj.Computed):
    definition = """
    # Blobs found in one photograph with one set of parameters
    -> Scan
    -> DetectionParams
    ---
    blob_count : int32
    """

    class Blob(dj.Part):
        definition = """
        # One blob
        -> master
        blob   : int32     # number within the detection
        ---
        x      : float64   # centre, pixels from the left
        y      : float64   # centre, pixels from the top
        radius : float64   # pixels
        """

    def make(self, key: dict) -> None:
        pixels, look_for = (Scan * Image & key).fetch1("pixels", "look_for")
        params = (DetectionParams & key).fetch1()
        blobs = find_blobs(
            pixels,
            look_for,
            params["method"],
            min_sigma=params["min_sigma"],
            max_sigma=params["max_sigma"],
            threshold=params["threshold"],
        )
        self.insert1({**key, "blob_count": len(blobs)})
        self.Blob.insert(
            {**key, "blob": number, "x": x, "y": y, "radius": radius}
            for number, (x, y, radius) in enumerate(blobs, start=1)
        )


# ------------------------------------------------------------------------- the questions, as queries

SIZES = {
    "blobs": "count(blob)",
    "smallest": "round(min(radius), 1)",
    "mean_radius": "round(avg(radius), 1)",
    "largest": "round(max(radius), 1)",
}
"""How many, and of what size: aggregates over the rows of `Detection.Blob`."""


def by_image() -> dj.Table:
    """Return how many blobs of what size each set of parameters finds in each image."""
    return Detection.aggr(Detection.Blob, **SIZES)


def by_params() -> dj.Table:
    """Return the same for all images together, and in how many the count is that of a person."""
    sizes = DetectionParams.aggr(Detection.Blob, ..., **SIZES)
    right = Detection * Image & "blob_count = by_eye"
    return sizes * DetectionParams.aggr(right, as_by_eye="count(image)")
