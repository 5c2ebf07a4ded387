# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark's tables in docs/results.md (scripts/bench/publish.py), of made-up results."""
import json
import subprocess
import sys

import image
import pytest

sys.path.insert(0, str(image.ROOT / 'scripts/bench'))

import publish # noqa: E402

TOOL = image.ROOT / 'scripts/bench/publish.py'
PAGE = f'# Results\n\nby hand\n\n{publish.BEGIN}\nold\n{publish.END}\n\n## More\n'
RECORD = {'unit': 'packet', 'n': 3, 'min': 900.0, 'median': 1000.0, 'max': 1100.0, 'insns': 800, 'rep': 80, 'switches': 0.1,
          'charged_0': {'min': 800.0, 'median': 850.0, 'max': 900.0}, 'wall_units_per_s': {'median': 7.0}, 'lost': 0,
          'parts': {'hv': 800}}


def made_up():
    return {'twin': {'udp_tx': {'on': RECORD}}, 'native': {'udp_tx': {'on': {**RECORD, 'median': 700.0}}}}


def run(folder, doc, page=PAGE):
    (folder / 'bench.json').write_text(doc if isinstance(doc, str) else json.dumps(doc))
    (folder / 'results.md').write_text(page)
    r = subprocess.run([TOOL, '--input', folder / 'bench.json', '--output', folder / 'results.md'], capture_output=True,
                       text=True, timeout=60, check=False)
    return r, (folder / 'results.md').read_text()


def test_tables_replace_what_was_between_the_marks(tmp_path):
    r, text = run(tmp_path, made_up())
    assert r.returncode == 0, r.stderr
    head, tail = f'# Results\n\nby hand\n\n{publish.BEGIN}\n\n### ', f'\n{publish.END}\n\n## More\n'
    assert text.startswith(head) and text.endswith(tail) and 'old' not in text
    assert '| twin against native | TCP transmit' in text and '0.700 | met |' in text
    assert '1,000 [900..1,100]' in text and 'Guests that do the same' not in text, 'what is empty is left out'
    assert run(tmp_path, made_up(), text)[1] == text, 'the same results give the same page'


@pytest.mark.parametrize('page', ['', publish.BEGIN, f'{publish.END}\n{publish.BEGIN}', PAGE + PAGE])
def test_a_page_without_one_pair_of_marks_stays(tmp_path, page):
    r, text = run(tmp_path, made_up(), page)
    assert r.returncode == 1 and r.stderr.startswith('publish: not one pair') and text == page


@pytest.mark.parametrize('doc', ['', '[]', '5', '{"twin": 5}', '{"twin": {"udp_tx": {"on": {}}}}', '{"aims": 5, "upcalls": 3}',
                                 '{"twin": {"udp_tx": {"on": {"median": 0}}}}'])
def test_results_that_are_none_are_refused(tmp_path, doc):
    r, text = run(tmp_path, doc)
    assert r.returncode == 1 and r.stderr.startswith('publish: not results') and text == PAGE, r.stderr


def test_the_page_of_this_tree_has_its_marks():
    assert publish.replaced((image.ROOT / 'docs/results.md').read_text(), 'x').count('\nx\n') == 1
