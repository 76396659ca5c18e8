from element_miniscope import miniscope
from w_animal import surgery
from w_lab import Device
from w_links import (
    get_miniscope_root_data_dir,
    get_processed_root_data_dir,
    get_session_directory,
)
from w_session import Session

AnatomicalLocation = surgery.BrainRegion
miniscope.activate("miniscope", linking_module=__name__)
