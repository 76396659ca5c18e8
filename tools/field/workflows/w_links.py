"""What laboratories tell the elements: where the recordings are."""

from pathlib import Path

ROOT = Path("recordings")


def root_directories():
    return [str(ROOT)]


def session_directory(key):
    return str(ROOT / "session")


get_dlc_root_data_dir = get_facemap_root_data_dir = get_miniscope_root_data_dir = root_directories
get_imaging_root_data_dir = get_ephys_root_data_dir = root_directories
get_session_directory = get_facemap_processed_data_dir = get_processed_root_data_dir = session_directory
