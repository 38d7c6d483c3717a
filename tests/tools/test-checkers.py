#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The checkers find what they are there to find: each case breaks one rule in a small tree of its own."""

import importlib.util
import os
import tempfile
import unittest

TOOLS = os.path.dirname(os.path.abspath(__file__))


def load(name):
    spec = importlib.util.spec_from_file_location(name.replace('-', '_'), os.path.join(TOOLS, name + '.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


includes = load('check-includes')
source = load('check-source')
export_map = load('generate-map')


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='mig-')
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def put(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)


class Includes(Tree):
    def wrong(self, path, line):
        self.put('libmig/core/mig-error.c', '')
        self.put('libmig/task/mig-migration-task.c', '')
        self.put('libmig/stores/mig-memory-store.c', '')
        self.put(path, line + '\n')
        folder = next(one for one in ('include/libmig', 'libmig', 'examples') if path.startswith(one + '/'))
        return includes.check_folder(self.root, folder)

    def test_allowed(self):
        for path, line in [
                ('libmig/core/a.c', '#include "config.h"'),
                ('libmig/core/a.c', '#include <gio/gio.h>'),
                ('libmig/core/mig-json.c', '#include <json-glib/json-glib.h>'),
                ('libmig/model/a.c', '#include "libmig/core/mig-log-private.h"'),
                ('libmig/saga/a.c', '#include "libmig/iface/mig-state-store-private.h"'),
                ('libmig/task/a.c', '#include <libmig/mig-error.h>'),
                ('libmig/drivers/libvirt/a.c', '#include <libvirt/libvirt.h>'),
                ('libmig/drivers/libvirt/a.c', '# include <libxml/tree.h>'),
                ('libmig/stores/mig-sqlite-store.c', '#include <sqlite3.h>'),
                ('include/libmig/mig-a.h', '#include <libmig/mig-types.h>'),
                ('examples/a.c', '#include <libmig/mig.h>')]:
            with self.subTest(path=path, line=line):
                self.assertEqual(self.wrong(path, line), [])

    def test_refused(self):
        for path, line in [
                ('libmig/core/a.c', '#include "libmig/model/mig-host-private.h"'),
                ('libmig/saga/b.c', '#include "libmig/iface/mig-compute-driver-private.h"'),
                ('libmig/saga/c.c', '#include <libmig/mig-migration-task.h>'),
                ('libmig/task/d.c', '#include "libmig/stores/mig-memory-store-private.h"'),
                ('libmig/task/e.c', '#include <libmig/mig-memory-store.h>'),
                ('libmig/task/f.c', '#include <libvirt/libvirt.h>'),
                ('libmig/drivers/sim/g.c', '#include <libvirt/libvirt.h>'),
                ('libmig/drivers/sim/h.c', '#include "libmig/drivers/libvirt/mig-libvirt-error-private.h"'),
                ('libmig/stores/i.c', '#include <sqlite3.h>'),
                ('libmig/task/j.c', '#include <json-glib/json-glib.h>'),
                ('libmig/core/k.c', '#  include <libnbd.h>'),
                ('libmig/core/l.c', '#include "mig-log-private.h"'),
                ('libmig/core/m.c', '#include <libmig/mig.h>'),
                ('libmig/attic/n.c', ''),
                ('include/libmig/mig-o.h', '#include <libvirt/libvirt.h>'),
                ('include/libmig/mig-p.h', '#include "mig-types.h"'),
                ('examples/q.c', '#include "libmig/core/mig-log-private.h"'),
                ('examples/r.c', '#include <libmig/mig-host.h>')]:
            with self.subTest(path=path, line=line):
                wrong = self.wrong(path, line)
                self.assertEqual(len(wrong), 1, wrong)
                self.assertIn(path, wrong[0])
                os.remove(os.path.join(self.root, path))


C_TOP = '/* SPDX-License-Identifier: LGPL-2.1-or-later */\n\n#include "config.h"\n'


def function(body):
    return C_TOP + '\nvoid\nf (void)\n{\n%s}\n' % body


class Source(Tree):
    def broken(self, path, text):
        """The names of the rules that a file breaks."""
        self.put(path, text)
        results = source.check(self.root)
        os.remove(os.path.join(self.root, path))
        return [rule.__name__ for rule, wrong in results.items() if wrong]

    def test_allowed(self):
        deep = ''.join('  ' * n + '  if (a)\n  ' + '  ' * n + '{\n' for n in range(source.MAX_NESTING))
        for text in [function('  g ();\n' * (source.MAX_FUNCTION - 2)),
                     function(deep + '  }\n' * source.MAX_NESTING),
                     function('  h ("goto printf (");\n  /* sleep (1) */\n'),
                     function('  x = { {\n    1 }, };\n')]:
            with self.subTest(text=text[:200]):
                self.assertEqual(self.broken('libmig/core/a.c', text), [])

    def test_refused(self):
        deep = ''.join('  ' * n + '  if (a)\n  ' + '  ' * n + '{\n' for n in range(source.MAX_NESTING + 1))
        word = 'TO' + 'DO'
        for path, text, rule in [
                ('libmig/core/a.c', '#include "config.h"\n', 'rule_licence'),
                ('libmig/core/a.c', C_TOP + '\tint a;\n', 'rule_text'),
                ('libmig/core/a.c', C_TOP + 'int a; \n', 'rule_text'),
                ('libmig/core/a.c', C_TOP + 'int a%s;\n' % ('a' * 120), 'rule_text'),
                ('libmig/core/a.c', C_TOP + 'int a;', 'rule_text'),
                ('libmig/core/a.c', C_TOP + '\n' * 700, 'rule_file_length'),
                ('tests/unit/test-a.c', C_TOP + '\n' * 600, 'rule_file_length'),
                ('libmig/core/a.c', function('  g ();\n' * (source.MAX_FUNCTION - 1)), 'rule_function_length'),
                ('tests/a.py', '# ' + source.LICENCE + '\ndef f():\n' + '    g()\n' * 80, 'rule_function_length'),
                ('libmig/core/a.c', function(deep + '  }\n' * (source.MAX_NESTING + 1)), 'rule_nesting'),
                ('libmig/core/a.c', function('  goto out;\n'), 'rule_goto'),
                ('libmig/core/a.c', function('  g_print ("a");\n'), 'rule_guest'),
                ('libmig/core/a.c', function('  fprintf (stderr, "a");\n'), 'rule_guest'),
                ('libmig/core/a.c', C_TOP + 'static void __attribute__((constructor)) f (void);\n', 'rule_guest'),
                ('libmig/core/a.c', function('  /* %s: more */\n' % word), 'rule_unfinished'),
                ('libmig/core/a.c', C_TOP + '/* [class@' 'MigrationTask] */\n', 'rule_links'),
                ('README.md', word + '\n', 'rule_unfinished'),
                ('libmig/core/a.c', function('  g_usleep (5);\n'), 'rule_blind_wait'),
                ('tests/python/a.py', '# ' + source.LICENCE + '\ntime.sleep(1)\n', 'rule_blind_wait'),
                ('libmig/core/a.c', '/* %s */\n#include <glib.h>\n' % source.LICENCE, 'rule_preamble'),
                ('libmig/core/a.h', '/* %s */\n' % source.LICENCE, 'rule_preamble'),
                ('include/libmig/mig-a.h', '/* %s */\n#pragma once\n' % source.LICENCE, 'rule_preamble'),
                ('include/libmig/mig-a.h',
                 '/* %s */\n#pragma once\n#if !defined (MIG_INSIDE)\n#endif\nstruct _MigAInterface\n{\n};\n'
                 % source.LICENCE, 'rule_layout')]:
            with self.subTest(path=path, rule=rule, text=text[:200]):
                if not path.startswith('README'):
                    os.makedirs(os.path.join(self.root, os.path.dirname(path)), exist_ok=True)
                self.assertEqual(self.broken(path, text), [rule])


class Map(Tree):
    GIR = '''<repository xmlns="http://www.gtk.org/introspection/core/1.0"
      xmlns:c="http://www.gtk.org/introspection/c/1.0" xmlns:glib="http://www.gtk.org/introspection/glib/1.0">
      <namespace><class glib:get-type="mig_a_get_type" version="0.1"><method c:identifier="mig_a_run" version="0.2"/>
      </class><interface glib:get-type="mig_b_get_type" version="0.1"><method c:identifier="mig_b_get"/></interface>
      <enumeration glib:get-type="mig_c_get_type" version="0.1.0"><member c:identifier="MIG_C_X"/>
      <function c:identifier="mig_c_quark" version="0.1"/></enumeration>
      <record glib:get-type="mig_d_get_type" version="0.1"/></namespace></repository>'''

    def read(self):
        self.put('a/Mig-1.gir', self.GIR)
        return export_map.read_gir(os.path.join(self.root, 'a/Mig-1.gir'))

    def test_reads_all_kinds_of_symbols(self):
        self.assertEqual(self.read(), {
            'mig_a_get_type': '0.1', 'mig_a_run': '0.2', 'mig_b_get_type': '0.1', 'mig_b_get': None,
            'mig_c_get_type': '0.1.0', 'mig_c_quark': '0.1', 'mig_d_get_type': '0.1'})

    def test_writes_one_node_a_series(self):
        symbols = {name: version or '0.2' for name, version in self.read().items()}
        self.put('a/libmig.map', export_map.format_map(symbols))
        written = export_map.read_map(os.path.join(self.root, 'a/libmig.map'))
        self.assertEqual(written, {
            'mig_a_get_type': 'LIBMIG_0.1', 'mig_a_run': 'LIBMIG_0.2', 'mig_b_get_type': 'LIBMIG_0.1',
            'mig_b_get': 'LIBMIG_0.2', 'mig_c_get_type': 'LIBMIG_0.1', 'mig_c_quark': 'LIBMIG_0.1',
            'mig_d_get_type': 'LIBMIG_0.1'})
        self.assertIn('} LIBMIG_0.1;', export_map.format_map(symbols))

    def test_finds_each_difference(self):
        good = {'mig_a': '0.1', 'mig_b': '0.1'}
        nodes = {'mig_a': 'LIBMIG_0.1', 'mig_b': 'LIBMIG_0.1'}
        exports = {'mig_a': ('T', 'LIBMIG_0.1'), 'mig_b': ('T', 'LIBMIG_0.1')}
        changed = [
            ({**good, 'mig_a': None}, nodes, exports),
            ({**good, 'mig_c': '0.1'}, nodes, exports),
            (good, {**nodes, 'mig_c': 'LIBMIG_0.1'}, exports),
            (good, {**nodes, 'mig_a': 'LIBMIG_0.2'}, exports),
            (good, nodes, {**exports, 'other': ('D', None)}),
            (good, nodes, {'mig_a': ('T', 'LIBMIG_0.1')}),
            (good, nodes, {**exports, 'mig_b': ('T', None)})]
        self.assertFalse(any(wrong for what, wrong in export_map.compare(good, nodes, exports)))
        for case in changed:
            with self.subTest(case=case):
                self.assertTrue(any(wrong for what, wrong in export_map.compare(*case)))


if __name__ == '__main__':
    unittest.main()
