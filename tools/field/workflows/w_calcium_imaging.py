import importlib
import os

from element_calcium_imaging import imaging_report
from w_lab import Device as Equipment, lab
from w_links import get_imaging_root_data_dir, get_session_directory
from w_session import Session

Location = lab.Location
imaging = importlib.import_module("element_calcium_imaging." + os.environ["FIELD_VARIANT"])
imaging.activate("imaging", "scan", linking_module=__name__)
if not imaging_report.schema.is_activated():
    imaging_report.activate("imaging_report", "imaging")
