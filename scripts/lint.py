#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Static checks: layout, sizes, licence lines, words that must not appear, headers alone, cppcheck,
clang-tidy, Python. `lint.py FILE.c FILE.h ...` checks the C files named; the rest it finds itself.
Exit status 1 if anything is wrong; each finding is one line FILE:LINE: TEXT."""
import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

COLUMNS = 100        # C and assembly
SCRIPT_COLUMNS = 130 # Python, shell, make
FILE_LINES = 600
FUNCTION_LINES = 60  # of C, from one brace to the other
# Files of ours that can hold a comment. What tests compare with (*.t, *.golden) is data.
TEXT = ['*.c', '*.h', '*.S', '*.ld', '*.py', '*.sh', '*.mk', '*.md', '*.list', '*.conf', '*Kbuild', 'Makefile', '.gitignore',
        '.clang-format', '.ci/*', 'scripts/dvm/init']
OUT = os.environ.get('O', 'out')
GCC_INCLUDE = subprocess.run(['gcc', '-print-file-name=include'], capture_output=True, text=True,
                             check=True).stdout.strip()
HV_FLAGS = ['-std=gnu11', '-ffreestanding', '-nostdinc', '-isystem', GCC_INCLUDE, '-Ihv', '-I.',
            f'-I{OUT}/hv']
EFI_FLAGS = ['-isystem', '/usr/include/efi', '-isystem', '/usr/include/efi/x86_64', '-fshort-wchar', '-DGNU_EFI_USE_MS_ABI']
TIDY = '-*,bugprone-*,clang-analyzer-core.*,clang-analyzer-deadcode.*,' \
       '-bugprone-easily-swappable-parameters,-bugprone-reserved-identifier,' \
       '-bugprone-narrowing-conversions,-bugprone-implicit-widening-of-multiplication-result,' \
       '-bugprone-assignment-in-if-condition,-bugprone-macro-parentheses,-bugprone-branch-clone,' \
       '-bugprone-sizeof-expression,-bugprone-suspicious-include,' \
       '-bugprone-not-null-terminated-result,-bugprone-signed-char-misuse,' \
       '-bugprone-suspicious-string-compare,-clang-analyzer-core.UndefinedBinaryOperatorResult'


def tracked(*patterns):
    """Files in git that match, and new ones that are not ignored."""
    out = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', '--'] + list(patterns),
                         capture_output=True, text=True, check=True).stdout
    return [f for f in out.splitlines() if os.path.exists(f)]


def check_text(path):
    """Findings that need no tool: length of lines and files, licence line, words."""
    found = []
    with open(path, encoding='utf-8') as f:
        lines = f.read().splitlines()
    if not any('SPDX-License-Identifier: GPL-2.0-or-later' in line for line in lines[:3]):
        found.append(f'{path}:1: no SPDX licence line')
    if len(lines) > FILE_LINES:
        found.append(f'{path}:{len(lines)}: more than {FILE_LINES} lines')
    columns = COLUMNS if path.endswith(('.c', '.h', '.S')) else SCRIPT_COLUMNS
    for n, line in enumerate(lines, 1):
        # Prose may run on, and a row of a table has to.
        if not path.endswith('.md') and len(line.expandtabs(8)) > columns:
            found.append(f'{path}:{n}: more than {columns} columns')
        if path.endswith(('.c', '.h', '.S')) and re.search(r'\bsvm_\w', line):
            found.append(f'{path}:{n}: an identifier starts with svm_')
    return found + (long_functions(path, lines) if path.endswith(('.c', '.h')) else [])


def long_functions(path, lines):
    """Functions longer than allowed; the layout check sees to it that their braces stand at the margin."""
    found, begin = [], None
    for n, line in enumerate(lines, 1):
        if line == '{':
            begin = n
        elif line == '}' and begin:
            if n - begin + 1 > FUNCTION_LINES:
                found.append(f'{path}:{begin}: function of {n - begin + 1} lines, more than {FUNCTION_LINES}')
            begin = None
    return found


def run(command, what):
    """Output lines of a command that failed, or nothing."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if done.returncode == 0:
        return []
    return [f'{what}: {line}' for line in done.stdout.splitlines() if line.strip()]


def check_format(files):
    """clang-format, several files a process."""
    return run(['clang-format', '--dry-run', '-Werror'] + files, 'layout')


def check_header(path):
    """A header of the hypervisor compiles alone."""
    return run(['gcc', '-Wall', '-Wextra', '-Werror', '-fsyntax-only', '-x', 'c', path] + HV_FLAGS,
               'header alone')


def check_tidy(path):
    """clang-tidy on one source of the hypervisor."""
    done = subprocess.run(['clang-tidy', '--quiet', f'--checks={TIDY}', '--warnings-as-errors=*',
                           path, '--'] + HV_FLAGS + ['-include', 'hv/lib/hidden.h'] +
                          (EFI_FLAGS if path.startswith('boot/efi/') else []),
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=False)
    if done.returncode == 0:
        return []
    return [line for line in done.stdout.splitlines() if 'error:' in line or 'warning:' in line]


def check_cppcheck(files):
    """cppcheck on the hypervisor's sources."""
    return run(['cppcheck', '--quiet', '--error-exitcode=1', '--enable=portability',
                '--inline-suppr', '--suppress=comparePointers', '--template={file}:{line}: {id}: {message}', '-Ihv', '-I.',
                f'-I{OUT}/hv', '-D__GNUC__=12'] + files, 'cppcheck')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('files', nargs='*', help='C sources and headers for the layout check')
    parser.add_argument('--no-tidy', action='store_true', help='leave clang-tidy out')
    args = parser.parse_args()
    files = [f for f in args.files if os.path.exists(f)]
    hv = [f for f in tracked('hv/*.c', 'boot/*.c')]
    headers = tracked('hv/*.h')
    text = sorted(set(tracked(*TEXT) + files))
    found = [line for path in text for line in check_text(path)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(check_format, files[i:i + 40]) for i in range(0, len(files), 40)]
        jobs += [pool.submit(check_header, h) for h in headers]
        jobs += [pool.submit(run, ['/usr/bin/python3', '-m', 'pyflakes', p], 'python')
                 for p in tracked('*.py')]
        jobs.append(pool.submit(check_cppcheck, hv))
        if not args.no_tidy:
            jobs += [pool.submit(check_tidy, c) for c in hv]
        for job in jobs:
            found += job.result()
    for line in found:
        print(line)
    print(f'lint: {len(text)} files, {len(found)} findings')
    sys.exit(1 if found else 0)


if __name__ == '__main__':
    main()
