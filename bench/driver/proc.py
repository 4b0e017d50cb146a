# SPDX-License-Identifier: ISC
"""What /proc tells of a tree of processes."""
import os

TICK = os.sysconf("SC_CLK_TCK")


def stat(pid):
    """Parent, and CPU seconds: its own and those of children it has waited for."""
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rpartition(")")[2].split()
    return int(fields[1]), sum(int(x) for x in fields[11:15]) / TICK


def tree(root):
    """root and all processes below it."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parents.setdefault(stat(int(name))[0], []).append(int(name))
            except (OSError, IndexError):
                pass
    out, todo = [], [root]
    while todo:
        pid = todo.pop()
        out.append(pid)
        todo.extend(parents.get(pid, []))
    return out


def cpu(roots):
    """CPU seconds of these trees: of what lives and of what was waited for."""
    total = 0.0
    for root in roots:
        for pid in tree(root):
            try:
                total += stat(pid)[1]
            except (OSError, IndexError):
                pass
    return total


def pss(roots):
    """Proportional memory of these trees, in kB."""
    total = 0
    for root in roots:
        for pid in tree(root):
            try:
                with open("/proc/%d/smaps_rollup" % pid) as f:
                    for line in f:
                        if line.startswith("Pss:"):
                            total += int(line.split()[1])
                            break
            except OSError:
                pass
    return total


def is_executable_running(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
