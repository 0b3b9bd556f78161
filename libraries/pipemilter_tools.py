# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""
What the shipped handlers that are written in Python share: settings from their
environment, lists of clients and addresses, and answers.

A wrong setting ends the process with a message and status 1, which is a failure
of the handler: its on-failure answers.
"""
import fnmatch
import ipaddress
import os
import re
import sys
import time

VERDICTS = {"continue": "pass_", "accept": "accept", "reject": "reject",
            "tempfail": "tempfail", "discard": "discard",
            "shutdown": "shutdown"}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
WILD = re.compile(r"[*?\[]")

# Seconds between two lines of the log about the same trouble.
QUIET = 30


def fail(text):
    print(text, file=sys.stderr, flush=True)
    sys.exit(1)


def missing(module, package):
    fail("the module %s is missing: on Debian, apt-get install %s" %
         (module, package))


def why(error):
    """What an exception says, in the way of other programs."""
    if isinstance(error, OSError) and error.filename:
        return "%s: %s" % (error.filename, error.strerror)
    return str(error)


# Settings

def setting(name, default=""):
    """The variable, or default where it is empty or not set."""
    return os.environ.get(name) or default


def check_word(word):
    """Of a list: a comma would become a part of it, and it fit nothing."""
    if word.startswith(",") or word.endswith(","):
        raise ValueError("%s: words are separated by blanks, not by commas" %
                         word)


def words(name, default=""):
    """Those of a setting."""
    found = setting(name, default).split()
    for word in found:
        try:
            check_word(word)
        except ValueError as error:
            fail("%s: %s" % (name, error))
    return found


def number(name, default, low, high):
    text = setting(name, str(default))
    if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
        fail("%s is not a number from %d to %d: %s" % (name, low, high, text))
    return int(text)


def seconds(text):
    """Of a duration such as 30s, 5m, 1h or 2d; None if it is none."""
    match = re.fullmatch(r"([0-9]{1,7})([smhd])", text)
    return int(match[1]) * UNITS[match[2]] if match else None


def duration(name, default):
    text = setting(name, default)
    value = seconds(text)
    if not value:
        fail("%s is not a time above 0 such as 30s, 5m, 1h or 2d: %s" %
             (name, text))
    return value


def choice(name, *values):
    """The first of the values is the default."""
    text = setting(name, values[0])
    if text not in values:
        fail("%s is none of %s: %s" % (name, ", ".join(values), text))
    return text


# Answers

def printable(text, limit=200):
    """What comes from elsewhere, fit to stand within one line."""
    return re.sub(r"[^ -~]", "?", text)[:limit]


class Answer:
    """A verdict as it stands in a reply; {name} in it is replaced."""

    def __init__(self, name, default):
        text = setting(name, default)
        verdict, _, self.text = text.partition(" ")
        if verdict not in VERDICTS:
            fail("%s is not an answer such as `%s': %s" %
                 (name, default, text))
        self.verdict = verdict
        self.text = self.text.replace("\\n", "\n")

    def give(self, m, **values):
        # In one pass: a value may look like a name in braces.
        text = re.sub(r"\{(\w+)\}", lambda found: printable(
            str(values.get(found[1], found[0]))), self.text)
        words = [text] if self.verdict in ("reject", "tempfail",
                                           "shutdown") else []
        getattr(m, VERDICTS[self.verdict])(*words)


class Trouble(Exception):
    """What the handler needs is out of order."""


class TroubleAnswer(Answer):
    """What to say then, in place of an end of the process: a new one would
    meet the same trouble, and each would be started later than the last."""

    def __init__(self):
        super().__init__("ON_TROUBLE", "continue")
        self._logged = None

    def give(self, m, **values):
        now = time.monotonic()
        if self._logged is None or now - self._logged >= QUIET:
            self._logged = now
            print("%s; the answer is `%s'" % (values["error"], self.verdict),
                  file=sys.stderr, flush=True)
        super().give(m, **values)


# Clients and addresses

def client_ip(m):
    """The client's address, or None for one without, such as a program."""
    if m.client_family not in ("inet", "inet6"):
        return None
    try:
        ip = ipaddress.ip_address(m.client_address)
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip


def is_local(ip):
    return ip is None or ip.is_loopback


def client_name(m):
    """Its name in lower case, "" if the DNS does not confirm it."""
    if m.client_host.startswith("[") or \
            "may be forged" in m.macros.get("_", "") or \
            m.macros.get("client_resolve", "OK") != "OK":
        return ""
    return m.client_host.lower().rstrip(".")


def network(ip, bits4, bits6):
    bits = bits4 if ip.version == 4 else bits6
    return str(ipaddress.ip_network((str(ip), bits), strict=False))


def bare(address):
    """An address without brackets, in lower case, in valid UTF-8."""
    if address.startswith("<") and address.endswith(">"):
        address = address[1:-1]
    return address.lower().encode("utf-8", "surrogateescape").decode(
        "utf-8", "backslashreplace")


class Patterns:
    """Words, in lower case, and patterns as in the shell."""

    def __init__(self):
        self._words = set()
        self._patterns = []

    def add(self, text):
        text = text.lower()
        if WILD.search(text):
            self._patterns.append(re.compile(fnmatch.translate(text)))
        else:
            self._words.add(text)

    def match(self, text):
        return text in self._words or any(p.match(text)
                                          for p in self._patterns)


class Names(Patterns):
    """Names of hosts or domains: one means all below it too."""

    def match(self, text):
        while text:
            if super().match(text):
                return True
            text = text.partition(".")[2]
        return False


class Clients:
    """Addresses, networks, and patterns of names."""

    def __init__(self):
        self._networks = {}
        self._names = Names()

    def add(self, text):
        if re.fullmatch(r"[0-9.]+(/.*)?|[0-9a-fA-F.]*:[^/]*(/.*)?", text):
            net = self._network(text)
            self._networks.setdefault((net.version, net.prefixlen), set()).add(
                int(net.network_address))
        elif re.search(r"[,/@:]", text):
            raise ValueError("%s: no address, network or name" % text)
        else:
            self._names.add(text)

    @staticmethod
    def _network(text):
        try:
            return ipaddress.ip_network(text)
        except ValueError as error:
            if "host bits" not in str(error):
                raise
            raise ValueError("%s; expected %s" % (
                error, ipaddress.ip_network(text, strict=False))) from None

    def match(self, ip, name=""):
        if ip is not None:
            for (version, length), nets in self._networks.items():
                host = ip.max_prefixlen - length
                if ip.version == version and \
                        int(ip) >> host << host in nets:
                    return True
        return self._names.match(name)


class Addresses:
    """Patterns with an @ are of whole addresses, `<>' is the null sender, and
    others are of domains, and all below them."""

    def __init__(self):
        self._whole = Patterns()
        self._domains = Names()

    def add(self, text):
        if text == "<>":
            self._whole.add("")
        elif "@" in text:
            self._whole.add(text)
        else:
            self._domains.add(text)

    def match(self, address, domain):
        return self._whole.match(bare(address)) or self._domains.match(domain)


class Listed:
    """The words of a variable, as Clients, Addresses ...

    A word that begins with / is a file of words, one a line; # begins a
    comment.  Files that change are read again, and one that is wrong then is
    logged, and the old contents stay.
    """

    def __init__(self, name, kind, default=""):
        self._name = name
        self._kind = kind
        self._words = words(name, default)
        self._files = [w for w in self._words if w.startswith("/")]
        self._seen = self._signatures()
        try:
            self._list = self._read()
        except (OSError, ValueError) as error:
            fail("%s: %s" % (name, why(error)))

    def _signatures(self):
        try:
            found = [os.stat(path) for path in self._files]
        except OSError as error:
            return str(error)
        return [(s.st_mtime_ns, s.st_size, s.st_ino) for s in found]

    def _read(self):
        new = self._kind()
        for word in self._words:
            if word.startswith("/"):
                self._read_file(new, word)
            else:
                new.add(word)
        return new

    @staticmethod
    def _read_file(new, path):
        with open(path, encoding="utf-8-sig", errors="surrogateescape") as lines:
            for at, line in enumerate(lines, 1):
                for word in line.partition("#")[0].split():
                    try:
                        check_word(word)
                        new.add(word)
                    except ValueError as error:
                        raise ValueError("%s:%d: %s" %
                                         (path, at, error)) from None

    def match(self, *values):
        seen = self._signatures()
        if seen != self._seen:
            self._seen = seen
            try:
                self._list = self._read()
            except (OSError, ValueError) as error:
                print("%s: %s; the old list is used" %
                      (self._name, why(error)), file=sys.stderr,
                      flush=True)
        return self._list.match(*values)
