from element_lab import lab, project

lab.activate("lab")
Lab, Protocol, Source, User, Device = lab.Lab, lab.Protocol, lab.Source, lab.User, lab.Device
Experimenter = lab.User

project.activate("project", linking_module=__name__)
Project = project.Project
