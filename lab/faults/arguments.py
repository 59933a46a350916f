"""The kinds of words that a fault's verb takes: what the command line, files and completion know them by."""

from typing import NewType

Region = NewType("Region", str)
Group = NewType("Group", str)  # regions of one side, joined by commas
Path = NewType("Path", str)  # a link or a part of it: `west-east`, `west->east`, `west-1->east`
Target = NewType("Target", str)  # a node, a region, or a role: `@meta`, `@leader:STREAM`, `@followers:STREAM`
Stream = NewType("Stream", str)  # a stream, by its key in the layout
Leader = NewType("Leader", str)  # a stream, or `meta`
Seconds = NewType("Seconds", float)  # `20s` in a file

META, LEADER, FOLLOWERS = "@meta", "@leader:", "@followers:"


def is_role(target: str) -> bool:
    """Whether a target is found only when the command runs."""
    return target == META or target.startswith((LEADER, FOLLOWERS))


def stream_of(role: str) -> Stream | None:
    """The stream whose leader or followers a role stands for; None for `@meta` and for what is no role."""
    prefix = next((prefix for prefix in (LEADER, FOLLOWERS) if role.startswith(prefix)), None)
    return None if prefix is None else Stream(role.removeprefix(prefix))


# What each should be, for people whose file has something else there.
EXPECTED: dict[object, str] = {
    Group: 'a list of groups of regions, such as `[central]` or `["west,east", central]`',
    Path: "a link or a direction of it, such as `central-west` or `west->east`",
    Target: "a list of nodes or regions, such as `[east-1]`",
    Leader: "a stream, such as `foo-read-east`, or `meta`",
    Region: "a region, such as `east`",
    Seconds: "a time, such as `4s`",
}
