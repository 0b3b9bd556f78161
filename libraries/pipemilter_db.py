# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""
A database of SQLite in a file that several processes of a handler use.
"""
import os
import pwd
import sqlite3
import time

from pipemilter_tools import Trouble, fail, setting

# Seconds that one process waits for another to be done.
BUSY = 3


class Database:
    """Opened when it is needed, and again after trouble.

    Each transaction has the lock for writing from its beginning: what it reads
    stays true until it has written.
    """

    def __init__(self, path, schema, tables):
        self.path = path
        self._schema = schema
        self._tables = tables
        self._db = None
        self._expired = 0

    def _open(self):
        directory = os.path.dirname(self.path)
        if not os.path.isdir(directory):
            user = pwd.getpwuid(os.geteuid()).pw_name
            raise Trouble("%s: there is no such directory; make it with: "
                          "install -d -o %s -m 0700 %s" %
                          (directory, user, directory))
        # Where several make it at once, SQLite gives up at the first lock.
        until = time.monotonic() + BUSY
        while True:
            db = sqlite3.connect(self.path, timeout=BUSY, isolation_level=None)
            try:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = NORMAL")
                db.executescript(self._schema)
                return db
            except sqlite3.Error as error:
                db.close()
                if "locked" not in str(error) or time.monotonic() > until:
                    raise
            time.sleep(0.02)

    def transaction(self, function, *values):
        """What function(db, now, *values) returns, done as a whole."""
        try:
            if self._db is None:
                self._db = self._open()
            now = int(time.time())
            self._db.execute("BEGIN IMMEDIATE")
            result = function(self._db, now, *values)
            self._expire(now)
            self._db.execute("COMMIT")
            return result
        except sqlite3.Error as error:
            self._close()
            raise Trouble("%s: %s (user %s)" % (
                self.path, error,
                pwd.getpwuid(os.geteuid()).pw_name)) from None

    def _expire(self, now):
        """Some of what is over, now and then, so that nothing else need do
        it.  Each table has a column `expires'."""
        if 0 <= now - self._expired < 60:
            return
        self._expired = now
        for table in self._tables:
            self._db.execute(
                "DELETE FROM %s WHERE rowid IN (SELECT rowid FROM %s "
                "WHERE expires < ? LIMIT 10000)" % (table, table), (now,))

    def _close(self):
        if self._db is not None:
            try:
                self._db.close()
            except sqlite3.Error:
                pass
            self._db = None


def database_path(name, default):
    path = setting(name, default)
    if not path.startswith("/"):
        fail("%s is not an absolute path: %s" % (name, path))
    return path
