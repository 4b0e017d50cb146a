# SPDX-License-Identifier: ISC
"""recipes.py OUTPUT FOLDER FILE...: the recipes of the cookbook as a table in C."""
import os
import sys


def literal(line):
    out = ""
    for c in line:
        if c in '"\\?':
            out += "\\" + c
        elif c in "\n\t":
            out += {"\n": "\\n", "\t": "\\t"}[c]
        elif " " <= c <= "~":
            out += c
        else:
            sys.exit("recipes.py: %r is not plain ASCII" % line)
    return '\t    "%s"\n' % out


def main(output, folder, *files):
    with open(output, "w", encoding="ascii") as out:
        out.write("#include <cmd/setup/recipe.h>\n\nconst struct xo_recipe xo_recipes[] = {\n")
        for file in sorted(files, key=lambda x: os.path.relpath(x, folder)):
            with open(file, encoding="ascii") as f:
                out.write('\t{"%s",\n%s\t},\n' % (
                    os.path.relpath(file, folder),
                    "".join(literal(x) for x in f.readlines())))
        out.write("};\n\nconst size_t xo_n_recipes = "
                  "sizeof(xo_recipes) / sizeof(xo_recipes[0]);\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
