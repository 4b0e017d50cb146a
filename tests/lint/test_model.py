# SPDX-License-Identifier: ISC
"""The traces that tests/unit/test_model.c plays are those of the model as it is;
and the model's names are the code's."""
import hashlib
import os
import re

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MODEL = os.path.join(REPO, "tests", "model")


def read(*path):
    with open(os.path.join(REPO, *path), encoding="utf-8") as f:
        return f.read()


def test_traces_are_fresh():
    whole = hashlib.sha256()
    for name in sorted(os.listdir(MODEL)):
        if name.endswith(".pml"):
            with open(os.path.join(MODEL, name), "rb") as f:
                whole.update(f.read())
    assert read("tests", "model", "traces", "MODEL").strip() == whole.hexdigest(), \
        "the model has changed: tests/model/run --traces"


def test_names():
    """Each state of the code is one of the model's."""
    model = set(re.findall(r"\w+", read("tests", "model", "session.pml") +
                           read("tests", "model", "opening.pml")))
    text = read("src", "relay", "transaction.h") + read("include", "xoorg", "opening.h")
    missing = []
    for name in ("front_state", "back_state", "expected", "slot_state", "content_state",
                 "mail_state", "xo_opening_state"):
        body = re.search(r"enum %s \{(.*?)\};" % name, text, re.S).group(1)
        body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
        values = re.findall(r"^\s*(\w+)", body, re.M)
        assert len(values) > 2
        missing += [x for x in values if x not in model and
                    x not in ("FRONT_COMMAND_STATES", "XO_OPENING_STATE_COUNT")]
    assert missing == []
