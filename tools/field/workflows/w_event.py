from element_event import event, trial
from w_session import Session

trial.activate("trial", "event", linking_module=__name__)
