from element_deeplabcut import train, model  # noqa: I001 - in this order: they import each other
from w_lab import Device
from w_links import get_dlc_root_data_dir
from w_session import Session

train.activate("train", linking_module=__name__)
model.activate("model", linking_module=__name__)
