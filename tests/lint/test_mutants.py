# SPDX-License-Identifier: ISC
"""Each mutant of tests/mutate is a change of the tree as it is: a move of code takes the
mutants along."""
import importlib.machinery
import importlib.util
import os
import sys

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def runner():
    loader = importlib.machinery.SourceFileLoader("mutate_run", os.path.join(
        REPO, "tests", "mutate", "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(
        loader.name, loader))
    before = sys.dont_write_bytecode
    loader.exec_module(module)
    sys.dont_write_bytecode = before
    return module


def test_no_mutant_is_stale():
    run, stale = runner(), []
    for mutant in run.MUTANTS:
        try:
            run.find(REPO, mutant)
        except run.Stale as e:
            stale.append(str(e))
        assert mutant.old != mutant.new, mutant.name
    assert stale == []
    assert len(run.MUTANTS) > 300
