from element_optogenetics import optogenetics
from w_animal import surgery
from w_lab import Device
from w_session import Session

Implantation = surgery.Implantation
optogenetics.activate("optogenetics", linking_module=__name__)
