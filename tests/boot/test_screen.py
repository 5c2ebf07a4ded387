# SPDX-License-Identifier: GPL-2.0-or-later
"""The console on a screen, where there is no serial port: what the machine shows is read glyph by glyph."""
import time

import font
import image
import pytest

WORDS = 'net=bridge focus=g1'


def read_ppm(path):
    """(width, height, lit pixels) of a picture of black and white."""
    kind, size, depth, data = path.read_bytes().split(b'\n', 3)
    assert (kind, depth) == (b'P6', b'255')
    width, height = (int(n) for n in size.split())
    assert len(data) == 3 * width * height
    return width, height, data[::3]


def read_text(path, glyphs):
    """The screen's rows. A cell that is no glyph of the font is '\\N{REPLACEMENT CHARACTER}'."""
    width, height, red = read_ppm(path)
    names = {rows: c for c, rows in glyphs.items()}

    def cell(row, column):
        rows = bytes(sum(0x80 >> x for x in range(8) if red[(row * 16 + y) * width + column * 8 + x] == 255) for y in range(16))
        return names.get(rows, '\N{REPLACEMENT CHARACTER}')

    return [''.join(cell(r, c) for c in range(width // 8)).rstrip() for r in range(height // 16)]


def screen_shows(machine, folder, line, seconds=120):
    """The screen's rows, once one of them is this line."""
    glyphs, picture = font.read(), folder / 'screen.ppm'
    end = time.monotonic() + seconds
    while True:
        rows = []
        try:
            machine.hmp(f'screendump {picture}')
            rows = read_text(picture, glyphs)
        except OSError: # the emulator has only just begun
            pass
        if line in rows:
            return rows
        assert time.monotonic() < end and machine.process.poll() is None, rows
        time.sleep(1)


@pytest.mark.parametrize('firmware, medium', [
    ('uefi', 'disk'), ('bios', 'iso'),
    pytest.param('uefi', 'iso', marks=pytest.mark.long), pytest.param('bios', 'disk', marks=pytest.mark.long)])
def test_screen_is_the_console_without_a_port(boot, tmp_path, firmware, medium):
    d = image.Description(WORDS).add_guest(1, 'echo', memory='32M')
    m = boot(d, firmware=firmware, medium=medium, serial=False, extra=('-device', 'VGA'))
    rows = screen_shows(m, tmp_path, 'g1| echo: listening port=7')
    assert rows[0] == 'hv| Pollux, a type-1 microhypervisor with twin drivers'
    assert rows[1].startswith('hv| no serial port: the console is this screen, ')
    assert any(r.startswith('hv| [ ok ] memory: ') for r in rows) and not any('\N{REPLACEMENT CHARACTER}' in r for r in rows)


def test_port_is_used_where_there_is_one(boot, tmp_path):
    """Beside a screen as well: nothing is drawn on it."""
    d = image.Description(WORDS).add_guest(1, 'echo', memory='32M')
    m = boot(d, extra=('-device', 'VGA'))
    m.expect('g1', 'echo: listening', 120)
    assert 'screen' not in m.console.text('hv')
    m.hmp(f'screendump {tmp_path / "screen.ppm"}')
    assert not any('hv|' in r for r in read_text(tmp_path / 'screen.ppm', font.read()))
