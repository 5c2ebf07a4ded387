#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the tables of out/bench.json into docs/results.md, between its two marks. The explanations around them are by hand.

What is made of the figures (ratios, aims) is made anew, so that it is by today's rules.
Exit status: 0, or 1 when the results or the marks are not there.
"""
import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import image # noqa: E402
import aims # noqa: E402
import results # noqa: E402

BEGIN, END = '<!-- scripts/bench/publish.py writes from here -->', '<!-- to here -->'


class PublishError(Exception):
    """What is wrong, in words for the user."""


def replaced(text, tables):
    """The document with these tables between its marks."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise PublishError(f'not one pair of marks: {BEGIN} {END}')
    return text[:text.index(BEGIN)] + f'{BEGIN}\n\n{tables}\n' + text[text.index(END):]


def tables_of(text):
    """text: a file that bench.py wrote."""
    try:
        doc = json.loads(text)
        return results.report({**doc, **results.derive(doc), 'aims': aims.judge(doc)})
    except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError) as e:
        raise PublishError(f'not results of the benchmark: {e!r}') from e


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--input', type=Path, default=image.OUT / 'bench.json', metavar='FILE', help='default: out/bench.json')
    p.add_argument('--output', type=Path, default=image.ROOT / 'docs/results.md', metavar='FILE', help='default: docs/results.md')
    args = p.parse_args()
    try:
        tables = tables_of(args.input.read_text())
        args.output.write_text(replaced(args.output.read_text(), tables))
    except (PublishError, OSError) as e:
        sys.exit(f'publish: {e}')


if __name__ == '__main__':
    main()
