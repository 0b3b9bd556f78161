# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""
Handlers for pipemilter(8), with no thought of the protocol.

    #!/usr/bin/python3
    import sys
    sys.path.append("/usr/local/share/pipemilter")
    import pipemilter

    def on_rcpt(m):
        if m.recipient_domain == "example.net":
            m.reject("550 5.7.1 Not here")

    def on_end_of_message(m):
        m.add_header("X-Seen-By", "python")

    pipemilter.main()

Everything is explained in pipemilter-handler(7).  The same script works under
every scope, with reuse and without, and with any concurrency.

Text is str.  Bytes that are not UTF-8 become lone surrogates, as in the names
of files ("surrogateescape"), and are the same bytes again when they are given
back; bytes are taken wherever a str is.
"""
import atexit
import io
import os
import re
import sys
import traceback
from collections import OrderedDict
from opcode import opname

EVENTS = ("connect", "helo", "mail", "rcpt", "data", "header",
          "end-of-headers", "body", "end-of-message", "unknown",
          "abort", "disconnect")

# An unknown status, which is a failure whatever the event.
FAILED = 70

# So many sessions are remembered at a time, more than the largest concurrency.
# Only a process that is not told of disconnect comes to it.
MAX_SESSIONS = 20000

# What is forgotten when its time is over, and is "" then.
OF_EVENT = ("header_name", "header_value", "command", "reason", "answer",
            "answered_by", "recipient_status")
FILES = ("message_file", "headers_file", "body_file")
OF_MESSAGE = ("sender", "sender_domain")
OF_SESSION = ("client_host", "client_address", "client_family", "helo")
TEXTS = frozenset(OF_EVENT + OF_MESSAGE + OF_SESSION)

NAMED = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}
HEADER_NAME = re.compile(rb"[!-9;-~]+")


def _unescape(value):
    """The text of a value, which is bytes, of a block."""
    if b"\\" in value:
        value = re.sub(rb"\\(\\|n|r|0[0-3][0-7]{2})", lambda m:
                       NAMED.get(m[1]) or bytes([int(m[1], 8)]), value)
    return value.decode("utf-8", "surrogateescape")


def _bytes(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    return str(value).encode("utf-8", "surrogateescape")


def _escape(value):
    """A value as it stands in a reply."""
    value = _bytes(value)
    if b"\0" in value:
        raise ValueError("a NUL byte in %r" % value)
    return value.replace(b"\\", b"\\\\").replace(b"\n", b"\\n") \
                .replace(b"\r", b"\\r")


def _header(name):
    name = _bytes(name)
    if not HEADER_NAME.fullmatch(name):
        raise ValueError("not the name of a header: %r" % name)
    return name


def _word(value):
    """A value that has no blank in it, since another one follows."""
    value = _escape(value)
    if not value or b" " in value or b"\t" in value:
        raise ValueError("not a single word: %r" % value)
    return value


def _address(address, arguments):
    if isinstance(arguments, (str, bytes)):
        arguments = [arguments] if arguments else []
    return b" ".join([_escape(address)] + [_escape(a) for a in arguments])


class Recipient(str):
    """An address; its domain and arguments (a list) are attributes."""

    def __init__(self, *_):
        self.domain = ""
        self.arguments = []


class Milter:
    """What is known of a session, and what can be said to the event in hand.

    event           "rcpt", "end-of-message" ...
    report          True if nobody waits for an answer
    session         its id, and message, "" outside of a message
    client_host, client_address, client_family, client_port (int or None), helo
    sender, sender_domain, sender_arguments (list)
    recipient       a Recipient: at rcpt the one that is asked about
    recipient_domain, recipient_arguments (list)
    recipients      a list of Recipient; at rcpt not all are told yet
    recipient_count how many there are so far
    macros, context dictionaries of text; queue_id is the macro i
    header_name, header_value, command
    payload         bytes, of body
    size            int or None
    message_file, headers_file, body_file   raise where there are none
    reason, answer, answered_by, recipient_status   in reports

    What is not known is "".
    """

    def __init__(self, session, protocol):
        self.session = session
        self._protocol = protocol
        self.message = ""
        self._forget_session()
        self._forget_event()

    # What is known

    def _forget(self, names):
        for name in names:
            setattr(self, name, "")

    def _forget_event(self):
        self._forget(OF_EVENT)
        self._files = {}
        self.payload = b""
        self.size = None
        self.event_id = None
        self.recipient = Recipient()

    def _forget_message(self):
        self._forget(OF_MESSAGE)
        self.sender_arguments = []
        self.recipients = []
        self.recipient_count = 0

    def _forget_session(self):
        self._forget(OF_SESSION)
        self.client_port = None
        self.macros = {}
        self.context = {}
        self._forget_message()

    def _take(self, lines, payload):
        """Learns from a block."""
        kind, event = lines[0]
        self.report = kind == b"report"
        self.event = event.decode()
        self._verdict = False
        self._out = []
        self._forget_event()
        self._mailbox = Recipient()
        self.payload = payload
        message = ""
        refused = []
        for key, value in lines:
            if key == b"complete":
                self._forget_session()
            elif key == b"message":
                message = value.decode()
            elif key == b"recipient-refused":
                refused.append(_unescape(value))
        if message != self.message:
            self._forget_message()
            self.message = message
        for address in refused:
            self._drop_recipient(address)
        rejected = any(key == b"recipient-status" for key, _ in lines)
        for key, value in lines:
            self._take_line(key, value, rejected)
        if self.event_id is not None:
            self._out.append(b"event-id " + self.event_id)

    def _take_line(self, key, value, rejected):
        name = key.decode("latin-1").replace("-", "_")
        if name in TEXTS:
            setattr(self, name, _unescape(value))
        elif name in FILES:
            self._files[name] = _unescape(value)
        elif name == "recipient":
            self._mailbox = Recipient(_unescape(value))
            if self.event == "rcpt":
                self.recipient = self._mailbox
            if not rejected:
                self.recipients.append(self._mailbox)
        elif name == "recipient_domain":
            self._mailbox.domain = _unescape(value)
        elif name == "recipient_argument":
            self._mailbox.arguments.append(_unescape(value))
        elif name == "sender_argument":
            self.sender_arguments.append(_unescape(value))
        elif name == "recipients":
            self.recipient_count = int(value)
        elif name in ("client_port", "size"):
            setattr(self, name, int(value))
        elif name == "event_id":
            self.event_id = value
        elif name in ("macro", "context"):
            word, _, value = value.partition(b" ")
            known = self.macros if name == "macro" else self.context
            known[_unescape(word)] = _unescape(value)
        elif name == "context_unset":
            self.context.pop(_unescape(value), None)

    def _drop_recipient(self, address):
        for i in reversed(range(len(self.recipients))):
            if self.recipients[i] == address:
                del self.recipients[i]
                break

    @property
    def recipient_domain(self):
        return self.recipient.domain

    @property
    def recipient_arguments(self):
        return self.recipient.arguments

    @property
    def queue_id(self):
        return self.macros.get("i", "")

    # An empty name would be taken for an empty file.

    def _file(self, name):
        if name not in self._files:
            raise RuntimeError("%s: there is no %s: it takes end-of-message, "
                               "and spool = yes" % (self.event, name))
        return self._files[name]

    @property
    def message_file(self):
        return self._file("message_file")

    @property
    def headers_file(self):
        return self._file("headers_file")

    @property
    def body_file(self):
        return self._file("body_file")

    # Replies

    def _allowed(self, what):
        if self.report:
            why = "nobody waits for an answer to a report"
        elif self._verdict:
            why = "the answer has been given"
        else:
            return True
        print("pipemilter.py: %s: %s has no effect: %s" %
              (self.event, what, why), file=sys.stderr, flush=True)
        return False

    def _flush(self):
        if self._out:
            self._protocol.write(b"\n".join(self._out) + b"\n")
            self._out = []

    def _act(self, action, *values):
        if self._allowed(action):
            self._out.append(b" ".join((action.encode(),) + values))

    def _end(self, verdict, *words):
        if self._allowed(verdict):
            self._out.append(b" ".join([verdict.encode()] +
                                       [_escape(w) for w in words]))
            self._flush()
            self._verdict = True

    def add_header(self, name, value):
        self._act("add-header", _header(name), _escape(value))

    def insert_header(self, index, name, value):
        """Index 0 is above everything, 1 below the MTA's own Received."""
        self._act("insert-header", b"%d" % index, _header(name),
                  _escape(value))

    def change_header(self, name, index, value):
        """The index-th of that name, as the message came; 1 is the first."""
        self._act("change-header", _header(name), b"%d" % index,
                  _escape(value))

    def delete_header(self, name, index=None):
        """One of that name, or all."""
        if index is None:
            self._act("delete-header", _header(name))
        else:
            self._act("delete-header", _header(name), b"%d" % index)

    def change_sender(self, address, arguments=()):
        self._act("change-sender", _address(address, arguments))

    def add_recipient(self, address, arguments=()):
        self._act("add-recipient", _address(address, arguments))

    def delete_recipient(self, address):
        self._act("delete-recipient", _escape(address))

    def replace_body(self, body):
        """Only at end_of_message."""
        body = _bytes(body)
        if self._allowed("replace-body"):
            self._out.append(b"replace-body %d" % len(body))
            self._flush()
            self._protocol.write(body)

    def quarantine(self, reason):
        self._act("quarantine", _escape(reason))

    def progress(self):
        """Still working: the time limit begins anew."""
        self._act("progress")
        self._flush()

    def set_context(self, name, value):
        """A value of the session, which later blocks have for all handlers."""
        self._act("set", _word(name), _escape(value))

    def set_message_context(self, name, value):
        """The same, until the message ends."""
        self._act("set-message", _word(name), _escape(value))

    def unset_context(self, name):
        self._act("unset", _word(name))

    def log(self, text):
        """A line of the log, at once, also when no answer is due."""
        if self.report or self._verdict:
            print(_bytes(text).decode("utf-8", "surrogateescape"),
                  file=sys.stderr, flush=True)
        else:
            self._act("log", _escape(_bytes(text).replace(b"\0", b"?")))
            self._flush()

    # The first of these that is called is the answer; without one it is pass_.

    def pass_(self):
        """Go on."""
        self._end("continue")

    def accept(self):
        """No more of this message."""
        self._end("accept")

    def reject(self, *words):
        """reject("550 5.7.1 No"), reject(550, "5.7.1", "No"), reject("No")"""
        self._end("reject", *words)

    def tempfail(self, *words):
        self._end("tempfail", *words)

    def discard(self):
        self._end("discard")

    def skip(self):
        """No more headers, or pieces of the body, of this message."""
        self._end("skip")

    def shutdown(self, *words):
        """End the SMTP session."""
        self._end("shutdown", *words)


class _Protocol:
    """The two descriptors, which nothing else in the process uses."""

    def __init__(self):
        # os.dup makes them close-on-exec.
        self._in = os.dup(0)
        self._out = os.dup(1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        os.dup2(2, 1)
        for stream in (sys.stdout, sys.stderr):
            # What a script prints of mail must not fail.
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(encoding="utf-8", errors="surrogateescape",
                                   line_buffering=True)

    def write(self, data):
        data = memoryview(data)
        while data:
            try:
                data = data[os.write(self._out, data):]
            except BrokenPipeError:
                # The daemon has given this process up, and logged why.
                os._exit(FAILED)

    def blocks(self):
        """Each block: its lines, as pairs, and its payload."""
        lines = []
        with os.fdopen(self._in, "rb") as stream:
            for line in stream:
                if line != b"\n":
                    key, _, value = line.rstrip(b"\n").partition(b" ")
                    lines.append((key, value))
                    continue
                length = int(dict(lines).get(b"length", 0))
                payload = stream.read(length)
                if len(payload) < length:
                    break
                yield lines, payload
                lines = []


class _Sessions:
    """All that are known."""

    def __init__(self, protocol):
        self._protocol = protocol
        self._known = OrderedDict()

    def of(self, lines):
        """The session that a block belongs to."""
        keys = dict(lines)
        session = keys[b"session"]
        m = self._known.get(session)
        if m is None:
            if b"event-id" not in keys:
                self._known.clear()     # they come one after the other
            if b"complete" not in keys:
                raise RuntimeError("a block of session %r tells only what is "
                                   "new, and the rest has been forgotten"
                                   % session)
            m = Milter(session.decode(), self._protocol)
            self._known[session] = m
            if len(self._known) > MAX_SESSIONS:
                self._known.popitem(last=False)
        self._known.move_to_end(session)
        return m

    def forget(self, m):
        self._known.pop(m.session.encode(), None)


def _answer(m, functions):
    """Calls the function of an event, and answers if that did not."""
    function = functions.get("on_" + m.event.replace("-", "_"))
    try:
        if function is not None:
            function(m)
    except SystemExit:
        # The status is the answer, and what was asked for before it counts.
        m._flush()
        raise
    if not m.report and not m._verdict:
        m.pass_()


class _Script:
    """The script that imports this, which would pass everything if it lacked
    its last line."""

    def __init__(self):
        self.has_main = False
        self._frame = self._importer()
        if self._frame is not None:
            atexit.register(self._ended)

    @staticmethod
    def _importer():
        frame = sys._getframe()
        while frame and (frame.f_globals is globals() or
                         "importlib" in frame.f_code.co_filename):
            frame = frame.f_back
        names = frame.f_globals if frame else {}
        if names.get("__name__") == "__main__" and "__file__" in names:
            return frame
        return None

    def _came_to_its_end(self):
        """Not by an exception, of which SystemExit is one."""
        code = self._frame.f_code.co_code
        last = self._frame.f_lasti
        return 0 <= last < len(code) and \
            opname[code[last]].startswith("RETURN_")

    def _ended(self):
        if self.has_main or not self._came_to_its_end():
            return
        print("pipemilter.py: the script has ended without pipemilter.main()",
              file=sys.stderr, flush=True)
        sys.stdout.flush()
        os._exit(FAILED)


_script = _Script()


def main(functions=None):
    """Serves until the end of input with the functions on_connect(m) ...

    They are those of the script, or of a dictionary such as globals().  One
    that is missing means pass.  An exception ends the process with a status
    that is a failure, so that on-failure answers.
    """
    if functions is None:
        functions = vars(sys.modules["__main__"])
    _script.has_main = True
    protocol = _Protocol()
    for name in functions:
        if name.startswith("on_") and \
                name[3:].replace("_", "-") not in EVENTS:
            print("pipemilter.py: %s: there is no such event" % name,
                  file=sys.stderr, flush=True)
    sessions = _Sessions(protocol)
    try:
        for lines, payload in protocol.blocks():
            m = sessions.of(lines)
            m._take(lines, payload)
            _answer(m, functions)
            if m.event == "disconnect":
                sessions.forget(m)
    except Exception:
        traceback.print_exc()
        sys.exit(FAILED)
