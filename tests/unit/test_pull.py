"""What `follow` may acknowledge: never more than what came."""

from lab.jetstream.pull import HOLE_S, Unbroken


def taken(*deliveries: tuple[int, float]) -> Unbroken:
    unbroken = Unbroken()
    for sequence, now in deliveries:
        unbroken.take(sequence, f"reply {sequence} at {now}", now)
    return unbroken


def test_everything_that_came_in_a_row_is_acknowledged() -> None:
    unbroken = taken((7, 0.0), (8, 0.1), (9, 0.2))
    assert (unbroken.upto, unbroken.reply, unbroken.moved) == (9, "reply 9 at 0.2", True)


def test_nothing_behind_a_hole_is_acknowledged_until_it_is_filled() -> None:
    deliveries = [(7, 0.0), (9, 0.1), (10, 0.2)]
    assert taken(*deliveries).upto == 7
    assert taken(*deliveries, (8, 30.0)).upto == 10


def test_a_hole_that_stays_is_given_up() -> None:
    unbroken = taken((7, 0.0), (9, 1.0), (10, 2.0), (11, 2.0 + HOLE_S))
    assert unbroken.upto == 11


def test_what_comes_again_is_acknowledged_again() -> None:
    unbroken = taken((7, 0.0), (8, 0.1))
    unbroken.moved = False
    unbroken.take(8, "again", 31.0)
    assert (unbroken.upto, unbroken.reply, unbroken.moved) == (8, "again", True)
    unbroken.moved = False
    unbroken.take(7, "again, earlier", 31.0)
    assert (unbroken.upto, unbroken.reply, unbroken.moved) == (8, "again", True)
