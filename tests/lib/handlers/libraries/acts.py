#!/usr/bin/python3 -ESWerror
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""Every action and every verdict; acts.sh and acts.pl do the same."""
import os
import sys
import pipemilter


def on_connect(m):
    m.set_context("a-b", "")
    m.unset_context("a")
    m.pass_()


def on_mail(m):
    m.set_message_context("b", " \t\\n\r\n ")
    m.accept()
    m.reject("never")


def on_rcpt(m):
    if m.recipient == "<1@b.example>":
        m.reject("550 5.1.1 100% \\o/\nNo")
    elif m.recipient == "<2@b.example>":
        m.tempfail(451, "4.7.1", "*", "  two")
    elif m.recipient == "<3@b.example>":
        m.tempfail()
    elif m.recipient == "<4@b.example>":
        m.discard()
    elif m.recipient == "<5@b.example>":
        m.shutdown("So long")
    elif m.recipient == "<6@b.example>":
        m.add_header("X-Part", "1")
        m.progress()
        sys.exit(75)


def on_header(m):
    m.skip()


def on_end_of_message(m):
    print("stray", sys.stdin.read() == "", file=sys.stdout)
    m.add_header("X-A", "-n %s\\c * $HOME\n\tfolded ")
    m.insert_header(1, "X-B", "")
    m.change_header("X-C", 2, "c")
    m.delete_header("X-D")
    m.delete_header("X-E", 3)
    m.change_sender("<>")
    m.change_sender("<a@b>", "RET=HDRS")
    m.add_recipient("<\"a \\\" b\"@c>")
    m.add_recipient("<a@c>", "NOTIFY=NEVER ORCPT=rfc822;a")
    m.delete_recipient("<a@d>")
    m.quarantine("why not")
    m.log("said")
    m.replace_body(open(os.environ["BODY"], "rb").read())
    m.pass_()
    m.add_header("X-Late", "1")


def on_unknown(m):
    m.reject(m.command)


def on_abort(m):
    m.add_header("X-Report", "1")
    m.reject()
    m.log("told")


pipemilter.main()
