"""`lab doctor` on what the kernel of the engine offers."""

import pytest

from lab import doctor


def test_each_part_of_the_kernel_is_a_row_that_says_what_needs_it() -> None:
    netem, tbf, blocks = doctor._offers("offers tbf blocks")
    assert (netem.state, tbf.state, blocks.state) == ("limited", "ok", "ok")
    assert "no delay, loss" in netem.finding
    assert "modprobe sch_netem" in netem.hint
    assert "limited rates" in tbf.finding


def test_a_kernel_that_offers_nothing_is_no_reason_to_fail() -> None:
    assert [check.state for check in doctor._offers("offers")] == ["limited"] * 3


@pytest.mark.parametrize("answer", ["error 1", "missing"])
def test_a_probe_that_could_not_try_is_not_taken_for_a_kernel_without(answer: str) -> None:
    (check,) = doctor._offers(answer)
    assert check.state == "limited"
    assert answer in check.finding
    assert "cannot tell" in check.finding
