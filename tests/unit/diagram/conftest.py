"""Pictures that the tests of the diagrams draw, and the comparison with stored drawings."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from datajoint.diagram.picture import Edge, Group, Node, Picture

SNAPSHOTS = Path(__file__).parents[2] / "snapshots" / "diagram"

DEMO = """
Image               manual    +
Import              imported  Image=
ParamSet            lookup    +
Detection           computed  Import ParamSet
Detection.Blob      part      + Detection
SelectDetection     manual    Detection*
"""

PIPELINE = """
lab:Lab                      lookup    +
lab:User                     lookup    +
lab:Protocol                 lookup    +
subject:Species              lookup    +
subject:Subject              manual    + subject:Species*
subject:Death                manual    subject:Subject=
session:Session              manual    + subject:Subject
session:Experimenter         manual    session:Session lab:User~
session:Note                 manual    session:Session=*!
ephys:ProbeType              lookup    +
ephys:ProbeType.Electrode    part      + ephys:ProbeType
ephys:Probe                  lookup    + ephys:ProbeType*
ephys:Insertion              manual    + session:Session ephys:Probe*
ephys:Recording              imported  ephys:Insertion= lab:Lab*?
ephys:Recording.Channel      part      ephys:Recording ephys:ProbeType.Electrode
ephys:SortingMethod          lookup    +
ephys:SortingParams          lookup    + ephys:SortingMethod*
ephys:SortingTask            manual    ephys:Recording ephys:SortingParams
ephys:Sorting                computed  ephys:SortingTask=
ephys:Sorting.Unit           part      + ephys:Sorting ephys:Recording.Channel*
event:EventType              lookup    +
event:Trial                  imported  + session:Session=
event:Event                  imported  + event:Trial event:EventType
event:Alignment              manual    + event:EventType~ event:EventType~*
analysis:Condition           manual    + ephys:Sorting event:Alignment
analysis:Psth                computed  analysis:Condition= ephys:Sorting.Unit
analysis:Psth.Trial          part      analysis:Psth event:Trial
"""


def read(text: str, direction: str = "LR") -> Picture:
    """Read lines of name, tier, parents; ``+`` adds key attributes, ``* = ~ ? !`` mark an edge."""
    nodes: list[Node] = []
    edges: list[Edge] = []
    groups: dict[str, Group] = {}
    for line in text.strip().splitlines():
        name, tier, *parents = line.split()
        group, colon, label = name.rpartition(":")
        if colon:
            groups[group] = Group(group, group)
        underlined = "+" in parents
        nodes.append(Node(name, label, tier, group or None, f"# {label}\nid : int", underlined))
        for parent in parents:
            target = parent.rstrip("*=~?!")
            marks = parent[len(target) :]
            if target != "+":
                edges.append(
                    Edge(
                        name,
                        target,
                        primary="*" not in marks,
                        multi="=" not in marks,
                        renamed="~" in marks,
                        tooltip="a → b" if "~" in marks else "",
                        nullable="?" in marks,
                        unique="!" in marks,
                    )
                )
    return Picture(tuple(nodes), tuple(edges), tuple(groups.values()), direction)


@pytest.fixture
def demo() -> Picture:
    """Six tables of one schema."""
    return read(DEMO)


@pytest.fixture
def pipeline() -> Picture:
    """Twenty-seven tables in six schemas."""
    return read(PIPELINE)


@pytest.fixture
def snapshot() -> Callable[[str, str], None]:
    """Compare a text with the stored one; ``SNAPSHOTS=write`` stores it."""

    def compare(name: str, text: str) -> None:
        path = SNAPSHOTS / name
        if os.environ.get("SNAPSHOTS") == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text

    return compare
