"""What type checkers refuse: each line has an error that both name; one that is missed is an error itself."""

import datajoint as dj


class Session(dj.Manual):
    definition = "session : int16"


class Fit(dj.Computed):
    definition = "-> Session"


dj.Manuel  # type: ignore[attr-defined]  # pyright: ignore
Session.inset1({"session": 1})  # type: ignore[attr-defined]  # pyright: ignore
Session.insert1()  # type: ignore[call-arg]  # pyright: ignore
Session.insert([{}], skip_duplicate=True)  # type: ignore[call-arg]  # pyright: ignore
Session().update1(5)  # type: ignore[arg-type]  # pyright: ignore
Session.fetch1("session", squeezed=True)  # type: ignore[call-overload]  # pyright: ignore
Session.to_dicts(limit="5")  # type: ignore[arg-type]  # pyright: ignore
Session ^ Fit  # type: ignore[operator]  # pyright: ignore
Session() @ Fit  # type: ignore[operator]  # pyright: ignore
(Session & "session > 1").populate()  # type: ignore[attr-defined]  # pyright: ignore
Session.populate()  # type: ignore[attr-defined]  # pyright: ignore
Fit.populate(maxcalls=1)  # type: ignore[call-arg]  # pyright: ignore
Fit.populate()["succes_count"]  # type: ignore[typeddict-item]  # pyright: ignore
dj.Check("x", 5)  # type: ignore[arg-type]  # pyright: ignore
dj.Top("first")  # type: ignore[arg-type]  # pyright: ignore
dj.Schema(5)  # type: ignore[arg-type]  # pyright: ignore
dj.FreeTable()  # type: ignore[call-arg]  # pyright: ignore
