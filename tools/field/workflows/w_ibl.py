import ibllib.io.params
import w_old_server

import datajoint as dj

dj.config["enable_python_native_blobs"] = True
dj.config["query.matching"] = "name"  # as joins matched when it was written
ibllib.io.params.getfile = lambda name: f"{name}"  # where a log file is written

from ibl_pipeline.group_shared import wheel  # noqa: I001 - ephys expects its schema
from ibl_pipeline import (
    acquisition,
    action,
    behavior,
    data,
    public,
    reference,
    subject,
    update,
)
from ibl_pipeline.analyses import behavior as behavior_analyses
from ibl_pipeline.ingest import (
    acquisition as _acquisition,
    action as _action,
    data as _data,
    job,
    reference as _reference,
    subject as _subject,
)
