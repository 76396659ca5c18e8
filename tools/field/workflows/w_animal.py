from element_animal import genotyping, subject, surgery
from w_lab import Lab, Protocol, Source, User

subject.activate("subject", linking_module=__name__)
genotyping.activate("genotyping", "subject", linking_module=__name__)
Subject = subject.Subject
surgery.activate("surgery", linking_module=__name__)
