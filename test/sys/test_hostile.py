"""The hypervisor with tiny limits, quotas that fail and its own checks on: `make sys PRESET=hostile CASE=hostile_preset`."""
import os
import re

import pytest

import test_churn
import test_matrix
import test_objects
from conftest import BUILD, bare_guest

pytestmark = pytest.mark.skipif(os.path.basename(BUILD) != "hostile", reason="for PRESET=hostile")
CHURN_ROUNDS = 4


@pytest.mark.parametrize("cpus", [1, 2])
def test_objects_under_the_hostile_preset(machine, cpus):
    text = test_objects.run(machine, "3000", cpus=cpus)
    assert int(re.search(r"ok - (\d+) of 80 lives failed for want of memory", text).group(1)) > 20


def test_vms_killed_at_any_moment_under_the_hostile_preset(machine):
    console = machine(test_churn.SCRIPT % CHURN_ROUNDS, {"matrix.bin": bare_guest("matrix")}, cpus=2)
    used = [console.expect(r"round \d+: used (\d+), free \d+\.").group(1) for _ in range(CHURN_ROUNDS)]
    console.expect("the churn is over")
    assert len(set(used[1:])) == 1


@pytest.mark.parametrize("cpus", [1, 2])
def test_matrix_guest_finds_nothing_wrong_under_the_hostile_preset(machine, cpus):
    test_matrix.check_verdict(machine(test_matrix.SCRIPT, {"matrix.bin": bare_guest("matrix")}, cpus=cpus))
