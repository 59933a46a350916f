"""What is published is what was given, byte for byte, and what no server takes is refused beforehand."""

import pytest

from lab.errors import UsageError
from lab.layouts import layout_of
from lab.topology import Topology
from lab.virtual import require_message_id, require_subject

LAYOUT = layout_of(Topology())


@pytest.mark.parametrize("subject", ["foo.*", "foo.a\nb", "foo.\udcff", "foo." + "x" * 5000])
def test_a_subject_that_no_server_takes_is_refused_in_a_line(subject: str) -> None:
    with pytest.raises(UsageError, match="is not a subject of the stream: it ") as caught:
        require_subject(LAYOUT, subject)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("message_id", ["a\nb", "\udcff"])
def test_a_message_id_that_cannot_be_a_header_is_refused(message_id: str) -> None:
    with pytest.raises(UsageError, match="is not a message id"):
        require_message_id(message_id)
