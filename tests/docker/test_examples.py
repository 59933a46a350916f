"""The examples do what their pages say, with no more than the package and pytest."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import node
from labs import ROOT, Lab

LAB, TWIN = Lab("pytest-orders"), Lab("orders-js")


def test_the_tests_of_the_order_service_find_both_mistakes(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ROOT / "examples/orders", tmp_path / "orders"))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "--rootdir", str(folder), "-p", "no:cacheprovider", "-rx"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        assert "5 passed, 2 xfailed" in done.stdout
        assert "XFAIL test_orders.py::test_no_order_is_forgotten[AcknowledgesFirst]" in done.stdout
        assert "XFAIL test_orders.py::test_no_order_is_booked_twice[BooksWithoutAnId]" in done.stdout
        assert LAB.left_behind() == {"containers": 0, "networks": 0, "volumes": 0}
    finally:
        LAB.run("down")


def test_the_tests_of_its_twin_in_javascript_find_them_too() -> None:
    program, folder = node.node(), ROOT / "examples/orders-js"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    try:
        done = subprocess.run(
            [program, "--test", "--test-reporter=tap"],
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        assert "ok 6 - AcknowledgesFirst forgets an order" in done.stdout
        assert "ok 7 - BooksWithoutAnId books an order again" in done.stdout
        assert TWIN.left_behind() == {"containers": 0, "networks": 0, "volumes": 0}
    finally:
        TWIN.run("down")
