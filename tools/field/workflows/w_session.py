from element_session import session_with_datetime as session
from w_animal import Subject
from w_lab import Experimenter, Project

session.activate("session", linking_module=__name__)
Session = session.Session
