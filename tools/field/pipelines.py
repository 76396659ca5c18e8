"""The published pipelines: which modules are theirs, what stands in for what they import, where they run."""

from dataclasses import dataclass

BACKENDS = ("mysql", "postgresql", "sqlite")


@dataclass(frozen=True)
class Pipeline:
    """One pipeline.

    Attributes
    ----------
    package
        Its name in the package index.
    workflow
        Module of `workflows` that imports and activates it, as its users do.
    modules
        Beginnings of the names of the modules where its schemas and classes are found.
    stand_ins
        Packages that it imports and that are not installed.
    variant
        Which of several modules with the same tables is activated.
    backends
        Where it runs.
    remarks
        What is left out, and why.
    own_faults
        Tables that fail by a fault of the pipeline, named in the remarks.
    """

    package: str
    workflow: str
    modules: tuple[str, ...]
    stand_ins: tuple[str, ...] = ()
    variant: str = ""
    backends: tuple[str, ...] = BACKENDS
    remarks: str = ""
    own_faults: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Name of the package, and the variant."""
        return f"{self.package} ({self.variant})" if self.variant else self.package


def _element(package: str, *stand_ins: str, variant: str = "") -> Pipeline:
    """Return an element, which comes with the elements that it builds upon."""
    name = package.removeprefix("element-").replace("-", "_")
    return Pipeline(package, f"w_{name}", ("element_", "w_"), stand_ins, variant)


EPHYS = ("plotly", "pyopenephys", "skimage", "matplotlib", "seaborn")
IBL = (
    "brainbox",
    "colorlover",
    "ibllib",
    "matplotlib",
    "oneibl",
    "plotly",
    "scikits",
    "seaborn",
    "statsmodels",
)
SPYGLASS = (
    "IPython", "bottleneck", "cv2", "dandi", "fsspec", "h5py", "hdmf", "kachery_cloud", "matplotlib",
    "mpl_toolkits", "ndx_franklab_novela", "ndx_pose", "position_tools", "probeinterface", "psutil", "pynwb",
    "replay_trajectory_classification", "requests", "ripple_detection", "ruamel", "seaborn", "sortingview",
    "spikeinterface", "track_linearization", "xarray",
)  # fmt: skip
IBL_FAULTS = ("VirusInjection", "SessionDelayAvailability", "SettingsAvailability")
IBL_REMARKS = (
    "with `query.matching = name`, as it was written for; on MariaDB in databases of one byte a character, "
    "for texts longer than others hold; without `ephys`, `histology`, `qc` and what imports them: a "
    "key source "
    "restricts `MovementTimes` by `event`, which it does not have (MySQL took it from the outer query). "
    "The key source of the ingested `VirusInjection` has other names than its key, and the two tables of "
    "availability have no `make`"
)

PIPELINES = (
    _element("element-lab"),
    _element("element-animal"),
    _element("element-session"),
    _element("element-event"),
    *[
        _element("element-calcium-imaging", "matplotlib", "plotly", variant=variant)
        for variant in ("imaging", "imaging_no_curation", "imaging_preprocess")
    ],
    *[
        _element("element-array-ephys", *EPHYS, variant=variant)
        for variant in ("ephys_acute", "ephys_chronic", "ephys_no_curation", "ephys_precluster")
    ],
    _element("element-deeplabcut", "cv2", "ruamel"),
    _element("element-miniscope", "cv2"),
    _element("element-facemap", "cv2"),
    _element("element-optogenetics"),
    Pipeline("ibl-pipeline", "w_ibl", ("ibl_pipeline",), IBL, remarks=IBL_REMARKS, own_faults=IBL_FAULTS),
    Pipeline(
        "nnfabrik", "w_nnfabrik", ("nnfabrik",), ("PIL", "ax", "git", "torch", "torchvision"),
        remarks="with the names that Python 3.10 took out of `collections`; on MariaDB in databases of one "
        "byte a character, where its keys are not too long",
    ),
    Pipeline(
        "spyglass-neuro", "w_spyglass", ("spyglass",), SPYGLASS,
        remarks="`spyglass.common`; its files are in object stores, which rows need from milestone 7 on, and "
        "so does its own `delete`, which asks the tables of the stores: `super_delete` is called. Random "
        "rows of `ExportSelection.Table` name no tables, which `Export` needs",
        own_faults=("Export",),
    ),
    Pipeline(
        "pose-pipeline", "w_pose", ("pose_pipeline",), ("cv2",),
        remarks="the videos that all depends on are in an object store, which rows need from milestone 7 on",
    ),
    Pipeline("datajoint-plus", "", (), backends=(), remarks="is built upon internals of datajoint 0.12.9"),
    Pipeline("datajoint-babel", "", (), backends=(), remarks="makes code of definitions, has no schemas"),
    Pipeline("pharus", "", (), backends=(), remarks="a web server for schemas, has none of its own"),
)  # fmt: skip
