#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is installed is complete: a program compiles, links and runs against it and nothing else of the build.

  check-install.py SOURCE_ROOT BUILD_ROOT CC [ARGUMENTS OF CC]      prints TAP"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE, BUILD, *CC = sys.argv[1:]

PROGRAM = '''
#include <libmig/mig.h>
int
main (void)
{
  g_autoptr (GEnumClass) phases = g_type_class_ref (MIG_TYPE_PHASE);

  g_print ("%s %s", MIG_VERSION_S, g_quark_to_string (MIG_ERROR));
  return mig_check_version (MIG_MAJOR_VERSION, MIG_MINOR_VERSION, MIG_MICRO_VERSION) && phases != NULL ? 0 : 1;
}
'''

VALA_PROGRAM = '''
int main () {
  try {
    var source = Mig.DiskSource.parse ("/srv/a.img", null);
    stdout.printf ("%s", source.to_string ());
    return 0;
  } catch (Mig.Error error) {
    return 1;
  }
}
'''


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='mig-')
        cls.addClassCleanup(folder.cleanup)
        cls.root = folder.name
        subprocess.run(['meson', 'install', '-C', BUILD, '--no-rebuild', '--quiet', '--destdir', cls.root],
                       check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        cls.pc_folder = os.path.dirname(cls.find('libmig-1.pc'))
        cls.library = os.path.dirname(cls.find('libmig-1.so.1'))

    @classmethod
    def find(cls, name):
        found = glob.glob(os.path.join(cls.root, '**', name), recursive=True)
        if len(found) != 1:
            raise AssertionError('%s is installed %d times' % (name, len(found)))
        return found[0]

    def environment(self):
        return {**os.environ, 'PKG_CONFIG_PATH': self.pc_folder, 'LD_LIBRARY_PATH': self.library,
                'GI_TYPELIB_PATH': os.path.join(self.library, 'girepository-1.0')}

    def call(self, *command):
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=False,
                              cwd=self.root)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def flags(self, *what):
        # The prefix in the file is the final one; this is a staging directory.
        prefix = self.call('pkg-config', '--variable=prefix', 'libmig-1').strip()
        text = self.call('pkg-config', *what, 'libmig-1')
        return [flag.replace(prefix + '/', self.root + prefix + '/') if prefix + '/include/libmig' in flag or
                flag.startswith('-L') else flag for flag in text.split()]

    def test_headers_are_those_of_the_umbrella(self):
        with open(os.path.join(SOURCE, 'include/libmig/mig.h'), encoding='utf-8') as file:
            included = set(re.findall(r'#include <libmig/(.*)>', file.read()))
        self.assertEqual(set(os.listdir(os.path.dirname(self.find('mig-enum-types.h')))), included | {'mig.h'})

    def test_program(self):
        path = os.path.join(self.root, 'a.c')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(PROGRAM)
        self.call(*CC, '-Wall', '-Werror', path, '-o', path[:-2], *self.flags('--cflags', '--libs'))
        version = self.call('pkg-config', '--modversion', 'libmig-1').strip()
        self.assertEqual(self.call(path[:-2]), version + ' mig-error-quark')

    def test_only_public_libraries_are_linked_by_users(self):
        lines = self.call('pkg-config', '--print-requires', 'libmig-1').splitlines()
        self.assertEqual([line.split()[0] for line in lines], ['glib-2.0', 'gobject-2.0', 'gio-2.0'])

    def test_typelib(self):
        self.find('Mig-1.gir')
        self.find('Mig-1.typelib')
        text = self.call(sys.executable, '-c', 'import gi; gi.require_version("Mig", "1"); '
                         'from gi.repository import Mig; print(Mig.Phase.DONE.value_nick, int(Mig.Error.BUSY))')
        self.assertEqual(text.split(), ['done', '5'])

    def test_vala(self):
        if shutil.which('valac') is None:
            self.skipTest('valac is not installed')
        folder = os.path.dirname(self.find('libmig-1.vapi'))
        path = os.path.join(self.root, 'a.vala')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(VALA_PROGRAM)
        # Vala's C code has warnings of its own.
        flags = [word for flag in self.flags('--cflags', '--libs') for word in ('-X', flag)]
        self.call('valac', '--vapidir', folder, '--pkg', 'libmig-1', path, '-o', path[:-5], '-X', '-w', *flags)
        self.assertEqual(self.call(path[:-5]), '/srv/a.img')


if __name__ == '__main__':
    unittest.main()
