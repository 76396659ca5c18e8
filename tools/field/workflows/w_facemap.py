from element_facemap import facial_behavior_estimation as facemap
from w_lab import Device
from w_links import get_facemap_processed_data_dir, get_facemap_root_data_dir
from w_session import Session

facemap.activate("facemap", linking_module=__name__)
