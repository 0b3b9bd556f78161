# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
#
# servers.py: builds the filters, starts and stops them.

import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import time

from lib import procs

START_SECONDS = 30
PREFORK = 60
OFFER = struct.pack('>IcIII', 13, b'O', 6, 0x1ff, 0x1fffff)	# of an MTA


class Error(Exception):
    """A candidate can't be measured; the text says why."""


def have_user(name):
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


class Place:
    """The private directory, and what was built into it."""

    def __init__(self, directory, source, build):
        self.directory = directory
        self.bench = os.path.join(source, 'bench')
        self.pipemilter = os.path.join(build, 'pipemilter')
        self.milter_send = os.path.join(build, 'milter-send')
        for name in ('pool.pl', 'pool.sh'):
            self._copy(os.path.join(source, 'examples', name))
        for name in ('pymilter.py', 'pmilter.pl', 'mimedefang-filter'):
            self._copy(os.path.join(self.bench, 'peers', name))
        self._compile(os.path.join(source, 'examples', 'pool.c'), 'pool')
        self._compile(os.path.join(self.bench, 'peers', 'spawnrate.c'), 'spawnrate')
        self._count = 0

    def _copy(self, path):
        target = os.path.join(self.directory, os.path.basename(path))
        shutil.copyfile(path, target)
        os.chmod(target, 0o755)

    def _compile(self, path, name, *libraries):
        command = [os.environ.get('CC', 'cc'), '-O2', '-o',
                   os.path.join(self.directory, name), path, *libraries]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Error(f'{name}: ' + done.stderr.strip().partition('\n')[0])

    def libmilter(self):
        path = os.path.join(self.directory, 'libmilter')
        if not os.path.exists(path):
            self._compile(os.path.join(self.bench, 'peers', 'libmilter.c'), 'libmilter',
                          '-lmilter', '-lpthread')
        return path

    def new_directory(self, name):
        self._count += 1
        path = os.path.join(self.directory, f'{name}.{self._count}')
        os.mkdir(path, 0o755)
        return path


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Server:
    """One filter on one socket, from start() to stop()."""

    def __init__(self, place, candidate, transport):
        self.place = place
        self.candidate = candidate
        self.directory = place.new_directory(candidate.name)
        self.running = []
        if transport == 'unix':
            os.mkdir(os.path.join(self.directory, 's'), 0o777)
            os.chmod(os.path.join(self.directory, 's'), 0o777)
            self.connect_to = (socket.AF_UNIX, os.path.join(self.directory, 's', 'milter'))
            self.address = 'unix:' + self.connect_to[1]
        else:
            port = free_port()
            self.connect_to = (socket.AF_INET, ('127.0.0.1', port))
            self.address = f'inet:{port}@127.0.0.1'

    def commands(self):
        """The commands to run, in this order."""
        raise NotImplementedError

    def start(self, wrap=()):
        """Starts it, under the command wrap if there is one."""
        try:
            for command in self.commands():
                self._run([*wrap, *command])
            self._await()
        except (Error, OSError):
            self.stop()
            raise

    def _run(self, command):
        with open(os.path.join(self.directory, 'log'), 'ab') as log:
            self.running.append(subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd='/',
                start_new_session=True))

    def _await(self):
        deadline = time.monotonic() + START_SECONDS
        family, address = self.connect_to
        while time.monotonic() < deadline:
            if any(p.poll() is not None for p in self.running):
                raise Error('did not start: ' + self.last_words())
            with socket.socket(family) as s:
                s.settimeout(START_SECONDS)
                try:
                    # Who listens need not be ready: an answer shows it.
                    s.connect(address)
                    s.sendall(OFFER)
                    if s.recv(1) != b'':
                        return
                except OSError:
                    pass
            time.sleep(0.05)
        raise Error(f'did not come up within {START_SECONDS} seconds')

    def last_words(self):
        with open(os.path.join(self.directory, 'log'), encoding='utf-8',
                  errors='replace') as f:
            lines = [line.strip() for line in f if line.strip()]
        return lines[0].replace(self.directory + '/', '') if lines else 'it said nothing'

    def pids(self):
        """All its processes."""
        return [p for s in self.running for p in procs.tree(s.pid)]

    def engines(self):
        """The processes that talk with the MTA."""
        return [self.running[-1].pid]

    def stop(self):
        for p in reversed(self.running):
            p.terminate()
        for p in reversed(self.running):
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            p.wait()
        self.running = []


class Libmilter(Server):
    def commands(self):
        return [[self.place.libmilter(), self.address, self.candidate.mode]]


class Pymilter(Server):
    def commands(self):
        script = os.path.join(self.place.directory, 'pymilter.py')
        return [['/usr/bin/python3', script, self.address, self.candidate.mode]]


class Pmilter(Server):
    def commands(self):
        script = os.path.join(self.place.directory, 'pmilter.pl')
        address = self.address.replace('unix:', 'local:')
        return [['/usr/bin/perl', script, address, self.candidate.mode, str(PREFORK)]]


class Mimedefang(Server):
    """The multiplexor with ten workers, and the milter."""

    def commands(self):
        spool = os.path.join(self.directory, 'spool')
        os.mkdir(spool)
        user = []
        if os.geteuid() == 0:
            if not have_user('defang'):
                raise Error('no user defang')
            shutil.chown(spool, 'defang')
            user = ['-U', 'defang']
        mx = os.path.join(spool, 'mx.sock')
        rules = os.path.join(self.place.directory, 'mimedefang-filter')
        checks = ['-r', '-s', '-t', '-H'] if self.candidate.mode == 'all' else []
        return [['mimedefang-multiplexor', '-D', *user, '-z', spool, '-s', mx, '-F', rules,
                 '-m', '10', '-x', '10', '-w', '0', '-W', '0', '-q', '100', '-Q', '60'],
                ['mimedefang', '-D', *user, '-z', spool, '-m', mx, '-p', self.address,
                 '-X', '-q', *checks]]

    def start(self, wrap=()):
        super().start(wrap)
        # Workers that are still starting would be part of the first run.
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and len(self.pids()) < 12:
            time.sleep(0.1)
        time.sleep(1)


class Pipemilter(Server):
    def commands(self):
        path = os.path.join(self.place.bench, 'conf', self.candidate.mode + '.conf')
        with open(path, encoding='utf-8') as f:
            text = f.read()
        for word, value in (('programs', self.place.directory), ('directory', self.directory),
                            ('users', self._users()), ('socket', self.address)):
            text = text.replace(f'@{word}@', value)
        mine = os.path.join(self.directory, 'conf')
        with open(mine, 'w', encoding='utf-8') as f:
            f.write(text)
        return [[self.place.pipemilter, '-d', '-f', mine]]

    @staticmethod
    def _users():
        if os.geteuid() != 0:
            return ''
        if have_user('_pipemilter') and have_user('pipemilter'):
            return 'engine-user     = _pipemilter\nhandler-user    = pipemilter'
        return 'engine-user     = daemon\nhandler-user    = nobody'

    def engines(self):
        return procs.engines_of(self.running[-1].pid)


KINDS = {c.__name__: c for c in (Libmilter, Pymilter, Pmilter, Mimedefang, Pipemilter)}
