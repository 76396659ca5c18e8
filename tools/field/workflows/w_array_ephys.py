import importlib
import os

from element_array_ephys import ephys_report
from w_animal import Subject
from w_lab import Device, lab
from w_links import get_ephys_root_data_dir, get_session_directory
from w_session import Session

import datajoint as dj


@lab.schema
class SkullReference(dj.Lookup):
    definition = """
    skull_reference   : varchar(60)
    """
    contents = zip(["Bregma", "Lambda"])


ephys = importlib.import_module("element_array_ephys." + os.environ["FIELD_VARIANT"])
ephys.activate("ephys", "probe", linking_module=__name__)
if not ephys_report.schema.is_activated():
    ephys_report.activate("ephys_report", "ephys")
